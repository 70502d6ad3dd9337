"""Shards -> a source with random access: order, ranks, workers and resuming are those of any other set."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from covpool.data.errors import BadSource
from covpool.data.images import ImageSet, ImageSource
from covpool.data.names import Names
from covpool.data.sources.shards.hashes import read_hashes
from covpool.data.sources.shards.index import IndexedShard, index_shard
from covpool.data.sources.shards.options import Keeping
from covpool.data.sources.shards.patterns import is_remote, name_of
from covpool.data.sources.shards.reading import ShardReader
from covpool.data.sources.shards.store import Store
from covpool.data.sources.splits import assembled, class_names, split_of
from covpool.data.whole.threads import in_threads

log = logging.getLogger("covpool")
OnDamage = Literal["skip", "stop"]


@dataclass
class _Split:
    """What its shards hold, put together."""

    shards: list[str] = field(default_factory=list)
    found: list[IndexedShard] = field(default_factory=list)
    labels: list[np.ndarray] = field(default_factory=list)

    def add(self, shard: str, index: IndexedShard, words: dict[str, int]) -> None:
        """Take over the samples of a shard; a label that is a name gets a number below zero, in ``words``."""
        numbers = np.array([-1, *(words.setdefault(word, -1 - len(words)) for word in index.words)], np.int64)
        self.labels.append(np.where(index.labels < 0, numbers[np.maximum(-index.labels, 0)], index.labels))
        self.shards.append(shard)
        self.found.append(index)

    def reader(self, store: Store, keeping: Keeping) -> ShardReader:
        return ShardReader(self.shards, self.found, store, keeping)


def open_shards(
    source: str, shards: Sequence[str], cache: Path, on_damage: OnDamage = "skip", keeping: Keeping | None = None
) -> ImageSource:
    """One set a split; a shard belongs to the split that its name starts with.

    Args:
        source: what the user wrote, for messages.
        shards: paths, URLs and commands (``pipe:``); those from elsewhere are fetched into ``cache`` first.
        cache: the folder for copies.
        on_damage: 'skip' leaves out what is damaged, hostile or no sample, and says so in the log; 'stop' raises.
        keeping: how copies are kept, and the order of reading.

    Raises:
        BadSource: nothing usable is left; a shard that is absent or cannot be fetched; any damage under 'stop'; a
            limit that the shards do not fit.
    """
    keeping = keeping or Keeping()
    hashes = None if keeping.hashes is None else read_hashes(keeping.hashes)
    store = Store((keeping.cache or cache).resolve(), keeping.limit, hashes)
    splits: dict[str, _Split] = {}
    names: dict[int, str] = {}
    words: dict[str, int] = {}
    mistakes: list[str] = []
    for shard, index in zip(shards, _indexes(source, shards, store, keeping), strict=True):
        mistakes += [f"left out of the shard {shard!r}: {what}" for what in index.mistakes]
        place = shard if is_remote(shard) else str(Path(shard).expanduser().absolute())
        splits.setdefault(split_of(name_of(shard) if is_remote(shard) else shard), _Split()).add(place, index, words)
        names = {**index.names, **names}
    if mistakes and on_damage == "stop":
        raise BadSource(source, mistakes)
    for mistake in mistakes:
        log.warning("%s", mistake)
    kept = {name: split for name, split in splits.items() if any(map(len, split.labels))}
    if not kept:
        raise BadSource(source, [f"{source!r} holds no labelled pictures", *mistakes])
    for split, found in kept.items():
        _check_limit(source, split, found, keeping)
    return _source(source, _folder(source, shards), kept, names, words, store, keeping)


def _indexes(source: str, shards: Sequence[str], store: Store, keeping: Keeping) -> Iterable[IndexedShard]:
    """What is in each shard, in order; those from elsewhere several at a time."""

    def indexed(shard: str) -> IndexedShard:
        try:
            return store.indexed(shard) if is_remote(shard) else index_shard(Path(shard).expanduser())
        except OSError as error:  # absent shards are no damage: half of a set is not the set
            raise BadSource(source, [f"cannot read the shard {shard!r} ({error.strerror or error})"]) from error

    return in_threads(indexed, shards, keeping.fetched_ahead if is_remote(shards[0]) else 0)


def _check_limit(source: str, name: str, split: _Split, keeping: Keeping) -> None:
    """A set that has no room as a whole has to be read window by window."""
    sizes = [index.size for index in split.found]
    if keeping.limit is None or not is_remote(split.shards[0]) or sum(sizes) <= keeping.limit:
        return
    needed = keeping.needed(max(sizes))
    if keeping.limit < needed:
        parts = f"two windows of {keeping.window or 1} and {keeping.fetched_ahead} ahead"
        raise BadSource(source, [f"limit={keeping.limit} has no room for {parts} of {max(sizes):,} bytes: {needed:,}"])
    if keeping.window is None and name in ("train", "all"):
        sentence = (
            f"{source!r} has {sum(sizes):,} bytes to train on, and limit={keeping.limit} does not hold them: an order "
            "over the whole set would fetch a shard for nearly every picture. Add a window, such as window=8, to "
            "shuffle that many shards together, or raise limit"
        )
        raise BadSource(source, [sentence])


def _folder(source: str, shards: Sequence[str]) -> Path | None:
    """Where names of classes may be listed: the folder that was named, or that of the first shard."""
    if is_remote(shards[0]):
        return None
    named = Path(source).expanduser()
    return named if named.is_dir() else Path(shards[0]).expanduser().parent


def _source(
    source: str,
    folder: Path | None,
    splits: dict[str, _Split],
    names: dict[int, str],
    words: dict[str, int],
    store: Store,
    keeping: Keeping,
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
        name: ImageSet(
            classes, labels[name], Names.joined([i.keys for i in split.found]), split.reader(store, keeping), source
        )
        for name, split in splits.items()
    }
    return assembled(source, name_of(source).split(".")[0], sets, classes, f"{source}, shards")
