"""Pictures of shards, read in place, whatever lies on this machine already."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from covpool.data.errors import BadSource, ShardLost
from covpool.data.names import Names
from covpool.data.sources.shards.ahead import Ahead
from covpool.data.sources.shards.index import IndexedShard
from covpool.data.sources.shards.logits import numbers_of
from covpool.data.sources.shards.options import Keeping
from covpool.data.sources.shards.patterns import is_remote
from covpool.data.sources.shards.store import Store

_MOST_LOGITS = 1 << 22  # bytes
_OPEN = 128  # descriptors a process keeps; systems allow 1024 and more


class ShardReader:
    """position -> bytes of a picture. Descriptors are kept open, and have no position to share.

    With a limit of the copies none is kept open: a file that is removed frees its room when it is closed.

    Args:
        shards: paths and URLs.
        found: what is in each.
        store: of the copies.
        keeping: how they are kept, and the order of reading.
    """

    def __init__(self, shards: Sequence[str], found: Sequence[IndexedShard], store: Store, keeping: Keeping) -> None:
        self.names, self.store, self.keeping = Names(shards), store, keeping
        self.lengths = np.array([index.size for index in found], np.int64)
        counts = [len(index.labels) for index in found]
        self.shards = np.repeat(np.arange(len(found), dtype=np.int32), counts)
        self.offsets = np.concatenate([index.offsets for index in found])
        self.sizes = np.concatenate([index.sizes for index in found])
        logits = np.concatenate([index.logits for index in found])
        self.logits = logits if (logits >= 0).any() else None  # offset and size; None: no teacher said anything
        self._open: dict[int, int] = {}

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_open": {}}

    def __call__(self, position: int) -> bytes:
        return self._read(int(self.shards[position]), int(self.sizes[position]), int(self.offsets[position]))

    @property
    def window(self) -> int | None:
        """Shards whose pictures are shuffled together; None: all."""
        return self.keeping.window

    def ahead(self, batches: Iterable[np.ndarray]) -> Ahead | None:
        """Fetch what these batches (positions) need, while they are read; None where all copies stay."""
        if self.store.limit is None or not is_remote(self.names[0]):
            return None
        shards = (self.shards[positions] for positions in batches)
        return Ahead(self.store, self.names, shards, self.keeping.fetched_ahead)

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
        return numbers_of(self._read(int(self.shards[position]), size, offset))

    def _read(self, shard: int, size: int, offset: int) -> bytes:
        with self._descriptor(shard) as descriptor:
            return os.pread(descriptor, size, offset)

    @contextmanager
    def _descriptor(self, shard: int) -> Iterator[int]:
        if self.store.limit is not None and is_remote(self.names[shard]):
            descriptor = self._opened(shard)
            try:
                yield descriptor
            finally:
                os.close(descriptor)
            return
        found = self._open.get(shard)
        if found is None:
            if len(self._open) >= _OPEN:
                os.close(self._open.pop(next(iter(self._open))))
            found = self._open[shard] = self._opened(shard)
        yield found

    def _opened(self, shard: int) -> int:
        name = self.names[shard]
        if not is_remote(name):
            return os.open(name, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
        try:
            return self.store.opened(name, int(self.lengths[shard]))
        except BadSource as error:
            raise ShardLost(name, error.mistakes[0]) from error

    def __del__(self) -> None:
        for descriptor in self.__dict__.get("_open", {}).values():
            os.close(descriptor)
