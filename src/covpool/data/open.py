"""``open_images``: one string -> labelled pictures."""

from __future__ import annotations

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np

from covpool.data.archives import archives, open_archive, recognised
from covpool.data.errors import BadSource
from covpool.data.images import ImageSet, ImageSource, stratified_split
from covpool.data.sources.catalog import named_sets
from covpool.data.sources.class_folders import list_classes, list_place, one_place, two_places
from covpool.data.sources.layout import plural
from covpool.data.sources.recognise import open_special
from covpool.data.sources.shards.opening import OnDamage
from covpool.data.sources.shards.patterns import is_command
from covpool.registry import nearest

log = logging.getLogger("covpool")


def open_images(
    source: str | Path,
    *,
    val: str | Path | None = None,
    download: bool = False,
    cache: str | Path | None = None,
    val_fraction: float = 0.2,
    seed: int = 0,
    on_damage: OnDamage = "skip",
    commands: bool = True,
) -> ImageSource:
    """Open a folder, a tar or a named set.

    A set as its authors publish it (``archives``) is opened by the lists inside: its folder or archive is recognised,
    and ``name:path`` says it where two sets share the files (cub-200-2011-zeroshot:PATH).
    ``fake:classes=10,size=64`` is noise, ``hf:NAME`` a set of Hugging Face; shards are named by a folder of tars, a
    pattern (``train-{0000..0127}.tar``), a URL or a command (``pipe:aws s3 cp s3://... -``); TFRecords, pickled
    batches, an imdb.mat and mapped pictures are recognised by their names.
    A folder or tar holds ``train/<class>/...`` and ``val/<class>/...`` (also valid, validation, test), or
    just ``<class>/...``; a single wrapping folder is looked through. Without validation pictures of its own,
    the source's test split serves, or else ``val_fraction`` of every class is drawn from train by ``seed``; the
    log says so. Nothing is downloaded unless ``download`` is true.

    Args:
        source: path, or a name of ``named_sets`` (write ./digits for a folder of that name).
        val: another folder or tar that holds the validation pictures.
        download: let torchvision fetch a named set that is absent.
        cache: folder of downloaded sets; ~/.cache/covpool by default.
        val_fraction: part of train drawn when there are no other validation pictures; 0 for none,
            1 to take everything as validation (for evaluation only).
        seed: decides which pictures are drawn.
        on_damage: what becomes of damaged or hostile shards and TFRecords: 'skip' names what is left out in the log
            and goes on with the rest, 'stop' raises.
        commands: False where a file names the source (a recipe, a run): its ``pipe:`` is refused, not run.

    Raises:
        BadSource: all mistakes found: no such path, no pictures, no class folders, empty classes, classes
            that train and val do not share, an unusable archive.

    Example:
        >>> digits = open_images("digits")
        >>> len(digits.train), digits.train.read(0).size
        (1000, (8, 8))
    """
    if not 0 <= val_fraction <= 1:
        raise ValueError(f"val_fraction needs to be between 0 and 1; got {val_fraction}")
    if not commands:
        _need_no_command(source, val)
    folder = (Path.home() / ".cache" / "covpool" if cache is None else Path(cache)).expanduser()
    if val is None:
        return _finished(*_opened(source, folder, download, on_damage), val_fraction, seed)
    return _finished(*_with_val(source, val, folder, on_damage), val_fraction, seed)


def _need_no_command(*places: str | Path | None) -> None:
    """A recipe or a run may come from anywhere, and so may the command in it."""
    found = [str(place) for place in places if place is not None and is_command(str(place))]
    remedy = "name it yourself (--data, --val), or hand the pictures over (images=open_images(...))"
    if found:
        raise BadSource(found[0], [f"{place!r} is a command, which no file may have run; {remedy}" for place in found])


def _opened(source: str | Path, cache: Path, download: bool, on_damage: OnDamage) -> tuple[ImageSource, list[str]]:
    """What one string names, and remarks on it."""
    name = str(source)
    if name in named_sets:
        if Path(name).exists():
            log.warning("%r is taken as the named set; write ./%s for what lies here", name, name)
        return named_sets.get(name).open(cache, download), []
    published = _published(name)
    if published is not None:
        return open_archive(*published, cache), []
    special = open_special(name, cache, on_damage)
    if special is not None:
        return special, []
    if not Path(source).expanduser().exists():
        raise BadSource(name, [_no_such(name)])
    return one_place(list_place(source))


def _with_val(source: str | Path, val: str | Path, cache: Path, on_damage: OnDamage) -> tuple[ImageSource, list[str]]:
    """Train from one place, validation pictures from another."""
    name, places = str(source), [source, val]
    if name in named_sets:
        raise BadSource(name, [f"val= goes with a folder or tar; the set {name!r} has its own splits"])
    special = [open_special(str(place), cache, on_damage) for place in places]
    if not any(special):
        absent = [_no_such(str(place)) for place in places if not Path(place).expanduser().exists()]
        if absent:
            raise BadSource(name, absent)
        return two_places(*(list_place(place) for place in places))
    first, other = (
        found or _opened(place, cache, False, on_damage)[0] for found, place in zip(special, places, strict=True)
    )
    held_out = other.val or other.test or other.train
    if first.train is None or held_out is None:
        raise BadSource(name, [f"{name!r} has no train split"])
    if first.classes != other.classes:
        strange = sorted(set(first.classes) ^ set(other.classes)) or first.classes
        raise BadSource(name, [f"{name!r} and {str(val)!r} do not have the same {list_classes(strange)} in one order"])
    return replace(first, val=held_out), []


def _published(source: str) -> tuple[str, Path] | None:
    """Name and place of a published set: 'cub-200-2011:PATH', or a path at which one is recognised."""
    name, colon, place = source.partition(":")
    if colon and name in archives:
        return archives.resolve(name), Path(place).expanduser()
    path = Path(source).expanduser()
    found = recognised(path) if source not in named_sets and path.exists() else None
    if found is None:
        return None
    log.info("%s is read as %s, by the lists of its authors", source, found)
    return found, path


def _no_such(source: str) -> str:
    """One sentence with the nearest sibling, or the nearest name where ``source`` is no path."""
    path = Path(source).expanduser()
    parent = path.parent
    siblings = [entry.name for entry in parent.iterdir()] if parent.is_dir() else []
    known = siblings if path.name != source else [*siblings, *named_sets]
    near = nearest(path.name, known)
    hint = f"; did you mean {str(parent / near) if near in siblings else near!r}?" if near else ""
    names = f" (named sets: {', '.join(named_sets)})" if path.name == source and not near else ""
    return f"there is no folder, tar or named set {source!r}{hint}{names}"


def _finished(source: ImageSource, remarks: list[str], val_fraction: float, seed: int) -> ImageSource:
    """Find validation pictures where there are none, and describe what there is."""
    if source.val is None and source.test is not None:
        source = replace(source, val=source.test)
        remarks.append("there is no val split: the test split serves as val")
    elif source.val is None and source.train is not None and val_fraction == 1:
        source = replace(source, train=None, val=source.train)
        remarks.append("all pictures are taken for validation")
    elif source.val is None and source.train is not None and val_fraction > 0:
        source, remark = _drawn(source, source.train, val_fraction, seed)
        remarks.append(remark)
    for remark in remarks:
        log.warning("%s: %s", source.name, remark)
    sets = {"train": source.train, "val": source.val, "test": source.test}
    counts = ", ".join(f"{len(found):,} {name}" for name, found in sets.items() if found is not None)
    parts = [source.description, f"{plural(len(source.classes), 'class')}, {counts} pictures", *remarks]
    return replace(source, description="; ".join(parts))


def _drawn(source: ImageSource, train: ImageSet, fraction: float, seed: int) -> tuple[ImageSource, str]:
    counts = np.bincount(train.labels, minlength=len(train.classes))
    single = [train.classes[label] for label in np.flatnonzero(counts < 2)]
    if single:
        sentence = (
            f"cannot draw validation pictures: {list_classes(single)} with a single picture; add pictures, "
            "name a validation set (--val), or take all for validation (val_fraction=1)"
        )
        raise BadSource(source.name, [sentence])
    kept, held_out = stratified_split(train.labels, fraction, seed)
    remark = f"there is no val split: {fraction:.0%} of every class is drawn from train (seed {seed})"
    return replace(source, train=train.subset(kept), val=train.subset(held_out)), remark
