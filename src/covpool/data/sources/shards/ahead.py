"""The next shards are fetched while others are read."""

from __future__ import annotations

import logging
import threading
from bisect import bisect_right
from collections.abc import Iterable
from types import TracebackType

import numpy as np

from covpool.data.sources.shards.fetch import Abandoned
from covpool.data.sources.shards.store import Store

log = logging.getLogger("covpool")
_MOST_AT_ONCE = 4  # transfers; one connection seldom fills a line, and more than a few press others aside


class Ahead:
    """Threads that fetch shards in the order in which an epoch needs them, at most ``count`` before their time.

    A failure is not reported here: whoever needs the shard tries again, and says so.

    Args:
        store: of the copies.
        shards: all of the set, by number.
        batches: the numbers of the shards of each batch to come.
        count: how many shards may be here that no batch handed out so far has needed.
    """

    def __init__(self, store: Store, shards: Iterable[str], batches: Iterable[np.ndarray], count: int) -> None:
        firsts: dict[int, int] = {}
        lasts: dict[int, int] = {}
        for number, needed in enumerate(batches):
            for shard in np.unique(needed).tolist():
                firsts.setdefault(shard, number)
                lasts[shard] = number
        names = list(shards)
        self.store, self.count = store, count
        self._shards = [names[shard] for shard in firsts]
        self._firsts, self._lasts = list(firsts.values()), [lasts[shard] for shard in firsts]
        self._next = self._reached = 0
        self._changed, self._stop = threading.Condition(), threading.Event()
        at_once = min(count, _MOST_AT_ONCE, len(self._shards))
        self._threads = [threading.Thread(target=self._run, name="covpool-ahead", daemon=True) for _ in range(at_once)]

    def __enter__(self) -> Ahead:
        for thread in self._threads:
            thread.start()
        return self

    def reached(self, batch: int) -> None:
        """Batches before this one were handed out."""
        with self._changed:
            self._reached = batch
            self._changed.notify_all()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._stop.set()
        with self._changed:
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(1)  # a connection that hangs is left to its time-out

    def _run(self) -> None:
        while (turn := self._turn()) is not None:
            try:
                self.store.touch(turn[1:])
                self.store.fetched(turn[0], self._stop)
            except Abandoned:
                return
            except Exception as error:
                log.info("%s was not fetched ahead: %s", turn[0], error)

    def _turn(self) -> list[str] | None:
        """The shard to fetch now, and after it those that are here and still needed; None at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._stop.is_set() or self._next >= len(self._shards) or self._is_time())
            if self._stop.is_set() or self._next >= len(self._shards):
                return None
            shard, self._next = self._next, self._next + 1
            needed = [place for place in range(shard) if self._lasts[place] >= self._reached]
            return [self._shards[place] for place in (shard, *needed)]

    def _is_time(self) -> bool:
        begun = bisect_right(self._firsts, self._reached)
        return self._next < begun + self.count
