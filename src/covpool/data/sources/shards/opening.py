"""Shards -> a source with random access: order, ranks, workers and resuming are those of any other set."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from covpool.data.errors import BadSource
from covpool.data.images import ImageSet, ImageSource
from covpool.data.names import Names
from covpool.data.sources.layout import plural
from covpool.data.sources.shards.fetch import fetched
from covpool.data.sources.shards.logits import numbers_of
from covpool.data.sources.shards.patterns import is_remote, name_of
from covpool.data.sources.shards.samples import Found, Sample, samples_of
from covpool.data.sources.splits import assembled, class_names, split_of
from covpool.formats import TarIndex
from covpool.formats.tar_index import survey_tar

log = logging.getLogger("covpool")
OnDamage = Literal["skip", "stop"]
_MOST_LOGITS = 1 << 22  # bytes
_OPEN = 128  # descriptors a process keeps; systems allow 1024 and more


class ShardReader:
    """position -> bytes of a picture, read in place. Descriptors are kept open, and have no position to share.

    Args:
        paths: of the shards.
        shards, offsets, sizes: where each picture lies.
        logits: offset and size (n, 2) of what a teacher said of each, -1 where there is nothing; None: nowhere.
    """

    def __init__(
        self,
        paths: Sequence[str],
        shards: np.ndarray,
        offsets: np.ndarray,
        sizes: np.ndarray,
        logits: np.ndarray | None = None,
    ) -> None:
        self.paths, self.shards, self.offsets, self.sizes = Names(paths), shards, offsets, sizes
        self.logits = logits
        self._open: dict[int, int] = {}

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_open": {}}

    def __call__(self, position: int) -> bytes:
        descriptor = self._descriptor(int(self.shards[position]))
        return os.pread(descriptor, int(self.sizes[position]), int(self.offsets[position]))

    def teacher_logits(self, positions: np.ndarray) -> np.ndarray | None:
        """float32 (n, L); None where one of the pictures has none, or a damaged or another number of them."""
        if self.logits is None or not len(positions):
            return None
        rows = [self._said(position) for position in positions.tolist()]
        whole = [row for row in rows if row is not None and len(row) == len(rows[0] if rows[0] is not None else ())]
        return np.stack(whole) if len(whole) == len(rows) else None

    def _said(self, position: int) -> np.ndarray | None:
        assert self.logits is not None
        offset, size = self.logits[position].tolist()
        if not 0 < size <= _MOST_LOGITS:
            return None
        return numbers_of(os.pread(self._descriptor(int(self.shards[position])), size, offset))

    def _descriptor(self, shard: int) -> int:
        found = self._open.get(shard)
        if found is None:
            if len(self._open) >= _OPEN:
                os.close(self._open.pop(next(iter(self._open))))
            found = self._open[shard] = os.open(self.paths[shard], os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        return found

    def __del__(self) -> None:
        for descriptor in self._open.values():
            os.close(descriptor)


@dataclass
class _Split:
    """Arrays a shard: objects a sample would stay in the memory of every worker."""

    paths: list[str] = field(default_factory=list)
    shards: list[np.ndarray] = field(default_factory=list)
    offsets: list[np.ndarray] = field(default_factory=list)
    sizes: list[np.ndarray] = field(default_factory=list)
    labels: list[np.ndarray] = field(default_factory=list)
    keys: list[Names] = field(default_factory=list)
    logits: list[np.ndarray] = field(default_factory=list)

    def add(self, index: TarIndex, samples: list[Sample], words: dict[str, int]) -> None:
        """Take over the samples of a shard; a label that is a name gets a number below zero, in ``words``."""
        members = np.array([sample.picture for sample in samples], np.int64)
        self.shards.append(np.full(len(samples), len(self.paths), np.int32))
        self.offsets.append(index.offsets[members])
        self.sizes.append(index.sizes[members])
        said = np.array([sample.logits for sample in samples], np.int64)
        places = np.stack([index.offsets[said], index.sizes[said]], axis=1) if len(index.sizes) else np.zeros((0, 2))
        self.logits.append(np.where(said[:, None] < 0, -1, places))
        self.paths.append(os.path.abspath(index.path))
        self.keys.append(Names(sample.key for sample in samples))
        numbers = (words.setdefault(s.label, -1 - len(words)) if isinstance(s.label, str) else s.label for s in samples)
        self.labels.append(np.fromiter(numbers, np.int64, len(samples)))

    def reader(self) -> ShardReader:
        logits = np.concatenate(self.logits)
        shards, offsets, sizes = (np.concatenate(part) for part in (self.shards, self.offsets, self.sizes))
        return ShardReader(self.paths, shards, offsets, sizes, logits if (logits >= 0).any() else None)


def open_shards(source: str, shards: Sequence[str], cache: Path, on_damage: OnDamage = "skip") -> ImageSource:
    """One set a split; a shard belongs to the split that its name starts with.

    Args:
        source: what the user wrote, for messages.
        shards: paths, URLs and commands (``pipe:``); those from elsewhere are fetched into ``cache`` first.
        cache: the folder for copies.
        on_damage: 'skip' leaves out what is damaged, hostile or no sample, and says so in the log; 'stop' raises.

    Raises:
        BadSource: nothing usable is left; a shard that is absent or cannot be fetched; any damage under 'stop'.
    """
    splits: dict[str, _Split] = {}
    names: dict[int, str] = {}
    words: dict[str, int] = {}
    mistakes: list[str] = []
    for shard in shards:
        try:
            path = fetched(shard, cache) if is_remote(shard) else Path(shard).expanduser()
            index, wrong = survey_tar(path)
        except OSError as error:  # absent shards are no damage: half of a set is not the set
            raise BadSource(source, [f"cannot read the shard {shard!r} ({error.strerror or error})"]) from error
        found = samples_of(index)
        mistakes += _report(shard, wrong, found)
        splits.setdefault(split_of(name_of(shard) if is_remote(shard) else shard), _Split()).add(
            index, found.samples, words
        )
        names.update({label: name for label, name in found.names.items() if name and label not in names})
    if mistakes and on_damage == "stop":
        raise BadSource(source, mistakes)
    for mistake in mistakes:
        log.warning("%s", mistake)
    kept = {name: split for name, split in splits.items() if any(map(len, split.labels))}
    if not kept:
        raise BadSource(source, [f"{source!r} holds no labelled pictures", *mistakes])
    return _source(source, _folder(source, shards), kept, names, words)


def _report(shard: str, wrong: list[str], found: Found) -> list[str]:
    sentences = [f"left out of the shard {shard!r}: {what}" for what in wrong]
    for reason, count in sorted(found.left_out.items()):
        sentences.append(f"left out of the shard {shard!r}: {plural(count, 'sample')} with {reason}")
    return sentences


def _folder(source: str, shards: Sequence[str]) -> Path | None:
    """Where names of classes may be listed: the folder that was named, or that of the first shard."""
    if is_remote(shards[0]):
        return None
    named = Path(source).expanduser()
    return named if named.is_dir() else Path(shards[0]).expanduser().parent


def _source(
    source: str, folder: Path | None, splits: dict[str, _Split], names: dict[int, str], words: dict[str, int]
) -> ImageSource:
    labels = {name: np.concatenate(split.labels) for name, split in splits.items()}
    most = max(int(numbers.max()) for numbers in labels.values())
    if words and most >= 0:
        some = f"labels some samples by numbers, others by names ({next(iter(words))!r})"
        raise BadSource(source, [f"{source!r} {some}; choose one"])
    classes = sorted(words) or class_names(folder, most + 1, names)
    if words:
        places = np.empty(len(words), np.int64)
        places[[-1 - words[name] for name in classes]] = np.arange(len(words))
        labels = {name: places[-1 - numbers] for name, numbers in labels.items()}
    sets = {
        name: ImageSet(classes, labels[name], Names.joined(split.keys), split.reader(), source)
        for name, split in splits.items()
    }
    return assembled(source, name_of(source).split(".")[0], sets, classes, f"{source}, shards")
