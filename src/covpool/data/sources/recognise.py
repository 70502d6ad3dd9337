"""Which source a string means, class folders aside: one table."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from covpool.data.errors import BadSource
from covpool.data.images import ImageSource
from covpool.data.sources.fake import open_fake
from covpool.data.sources.hugging_face import open_hugging_face
from covpool.data.sources.layout import SPLITS
from covpool.data.sources.packed.imdb import is_imdb, open_imdb
from covpool.data.sources.packed.mapped import is_mapped, open_mapped
from covpool.data.sources.packed.pickles import is_pickled, open_pickled
from covpool.data.sources.packed.tfrecords import is_tfrecord, open_tfrecords, tfrecord_files
from covpool.data.sources.shards.opening import OnDamage, open_shards
from covpool.data.sources.shards.options import Keeping, split_options
from covpool.data.sources.shards.patterns import expand, is_remote, local_shards
from covpool.formats import CorruptFile, survey_tar


@dataclass(frozen=True)
class PathFormat:
    """A kind of file or folder: how it is known, and opened (path, cache)."""

    is_one: Callable[[Path], bool]
    open: Callable[[Path, Path], ImageSource]
    summary: str


def _holds_samples(path: Path) -> bool:
    """Whether a single tar is a shard: its pictures have labels beside them rather than in folders of classes."""
    if path.suffix != ".tar" or not path.is_file():
        return False
    index, _ = survey_tar(path)
    return any(name.endswith((".cls", ".label")) for name in index.names[:64])


PATH_FORMATS: dict[str, PathFormat] = {
    "pixels": PathFormat(is_mapped, open_mapped, "a folder of mapped arrays that `covpool data prepare` makes"),
    "pickles": PathFormat(is_pickled, open_pickled, "batches of CIFAR-10, CIFAR-100 or downsampled ImageNet"),
    "imdb": PathFormat(is_imdb, open_imdb, "MatConvNet's image database, .mat of version 7.3"),
}


def open_special(source: str, cache: Path, on_damage: OnDamage = "skip") -> ImageSource | None:
    """The source that the string means by its scheme, its braces or the look of its path; None for any other.

    Raises:
        BadSource: it means one that cannot be used.
    """
    try:
        place, keeping = (source, None) if _is_here(source) else split_options(source)
        if keeping is None:
            return _by_scheme(source, cache, on_damage) or _by_path(source, cache, on_damage)
        found = _as_shards(place, cache, on_damage, keeping)
    except CorruptFile as error:
        raise BadSource(source, [str(error)]) from error
    except OSError as error:
        raise BadSource(source, [f"cannot read {error.filename or source!r} ({error.strerror or error})"]) from error
    if found is None:
        raise BadSource(source, [f"there are no shards at {place!r}, which the options after # go with"])
    return found


def _by_scheme(source: str, cache: Path, on_damage: OnDamage) -> ImageSource | None:
    scheme, _, rest = source.partition(":")
    if source.startswith("fake:"):
        return open_fake(rest)
    if scheme == "hf" and not _is_elsewhere(source):
        return open_hugging_face(rest, cache)
    if _is_pattern(source):
        records = [Path(name).expanduser() for name in expand(source)]
        if all(is_tfrecord(record) for record in records):
            return open_tfrecords(records[0].parent, records, on_damage)
    return _as_shards(source, cache, on_damage) if _is_elsewhere(source) or _is_pattern(source) else None


def _is_here(source: str) -> bool:
    return os.path.exists(os.path.expanduser(source))


def _is_elsewhere(source: str) -> bool:
    """A file that is called 'pipe:...' is a file, and no command."""
    return is_remote(source) and not _is_here(source)


def _is_pattern(source: str) -> bool:
    return not is_remote(source) and expand(source) != [source] and not _is_here(source)


def _as_shards(source: str, cache: Path, on_damage: OnDamage, keeping: Keeping | None = None) -> ImageSource | None:
    """The shards of a URL, a command, a pattern or a folder; None where there are none."""
    # a command may have braces of its own; a pattern in one is written for the shell's sake in the same way
    shards = expand(source) if _is_elsewhere(source) else [str(path) for path in _local(source)]
    return open_shards(source, shards, cache, on_damage, keeping) if shards else None


def _local(source: str) -> list[Path]:
    """Whole paths, which are never taken for URLs or commands whatever the files are called."""
    if _is_pattern(source):
        return [Path(name).expanduser().absolute() for name in expand(source)]
    path = Path(source).expanduser().absolute()
    found = [path] if _holds_samples(path) else local_shards(path)
    is_set = path.is_file() or not (path.is_dir() and any(_is_class_folder(entry) for entry in path.iterdir()))
    return found if is_set else []


def _by_path(source: str, cache: Path, on_damage: OnDamage) -> ImageSource | None:
    path = Path(source).expanduser()
    if not path.exists():
        return None
    for kind in PATH_FORMATS.values():
        if kind.is_one(path):
            return kind.open(path, cache)
    if is_tfrecord(path):
        return open_tfrecords(path if path.is_dir() else path.parent, tfrecord_files(path), on_damage)
    return _as_shards(source, cache, on_damage)


def _is_class_folder(entry: Path) -> bool:
    return entry.is_dir() and not entry.name.startswith((".", "_")) and entry.name.lower() not in SPLITS
