"""Copies of shards from elsewhere in a folder that all processes of a machine may share.

A copy has its name only when it is complete. Where the folder has a limit, the least recently read copies go first,
and the bytes that a transfer will need are set aside before it begins.
"""

from __future__ import annotations

import hashlib
import logging
import os
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from filelock import FileLock, Timeout

from covpool.data.errors import BadSource
from covpool.data.sources.shards.fetch import copy_to
from covpool.data.sources.shards.hashes import check_shard
from covpool.data.sources.shards.index import IndexedShard, index_shard, load_index, save_index
from covpool.data.sources.shards.patterns import name_of

log = logging.getLogger("covpool")
_PART = ".part"
_POLL = 0.02  # seconds between looks for a lock, or for room that other transfers hold


@dataclass(frozen=True)
class Store:
    """Copies below ``folder``.

    Args:
        folder: holds ``shards/`` with the copies, ``shard-indexes/`` with what is in them, ``shard-locks/``.
        limit: bytes of all copies and transfers together; None: no limit.
        hashes: SHA-256 by the name of a shard, which each copy is compared with; None: none is.
    """

    folder: Path
    limit: int | None = None
    hashes: Mapping[str, str] | None = None

    def path_of(self, shard: str) -> Path:
        """Where the copy of a shard lies, or will."""
        known = "" if self.hashes is None else self.hashes.get(name_of(shard), "?")  # no unchecked copy serves as one
        digest = hashlib.sha256((shard + known).encode()).hexdigest()[:16]
        return self.folder / "shards" / f"{digest}-{_safe(name_of(shard))}"

    def fetched(self, shard: str, stop: threading.Event | None = None) -> Path:
        """The copy; made where there is none. It may be gone at any time later, where there is a limit.

        Raises:
            BadSource: it cannot be had.
        """
        target = self.path_of(shard)
        if target.exists():
            return target
        with self._lock(target.name):
            if target.exists():
                return target
            part = target.with_name(target.name + _PART)
            target.parent.mkdir(parents=True, exist_ok=True)
            log.info("fetching %s", shard)
            try:
                copy_to(shard, part, partial(self._reserve, part), stop)
                if self.hashes is not None:
                    check_shard(shard, part, self.hashes)
                _flush(part)
                self._place(part, target)
            finally:
                part.unlink(missing_ok=True)
        return target

    def indexed(self, shard: str) -> IndexedShard:
        """What is in a shard. With a limit it is remembered, so that an index does not need the shard."""
        place = self.folder / "shard-indexes" / f"{self.path_of(shard).name}.npz"
        known = load_index(place) if self.limit is not None else None
        if known is not None:
            return known
        while True:
            try:
                found = index_shard(self.fetched(shard))
            except FileNotFoundError:  # it was the least recently read one
                continue
            if self.limit is not None:
                save_index(found, place)
            return found

    def opened(self, shard: str, size: int) -> int:
        """A descriptor of the copy, which counts as read now; fetched again where it is gone or of another size.

        Raises:
            BadSource: it cannot be had, or has another size than it had.
        """
        for _ in range(2):
            descriptor = self._descriptor(shard)
            if os.fstat(descriptor).st_size == size:
                return descriptor
            os.close(descriptor)
            self.path_of(shard).unlink(missing_ok=True)
        sentence = f"{shard!r} has another size than when it was indexed; remove the copies in {str(self.folder)!r}"
        raise BadSource(shard, [sentence])

    def _descriptor(self, shard: str) -> int:
        while True:
            path = self.fetched(shard)
            try:
                descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0))
            except FileNotFoundError:
                continue
            self.touch([shard])
            return descriptor

    def touch(self, shards: Iterable[str]) -> None:
        """These count as read now, in this order; those that are not here are passed over."""
        for shard in shards if self.limit is not None else ():
            try:
                os.utime(self.path_of(shard))
            except FileNotFoundError:
                continue

    def _reserve(self, part: Path, size: int | None) -> None:
        """Make the file of a transfer, of its final length: a hole, which counts as if it were filled."""
        part.unlink(missing_ok=True)
        if self.limit is None or size is None:
            part.touch()
            return
        if size > self.limit:
            sentence = f"a shard has {size:,} bytes, and all copies together may have {self.limit:,}; raise limit"
            raise BadSource(str(part), [sentence])
        while not self._set_aside(part, size):
            time.sleep(_POLL)  # other transfers hold the room; what they bring can go when it is complete

    def _set_aside(self, part: Path, size: int) -> bool:
        with self._lock("room"):
            if not self._make_room(size):
                return False
            with part.open("wb") as file:
                file.truncate(size)
        return True

    def _place(self, part: Path, target: Path) -> None:
        if self.limit is None:
            os.replace(part, target)
            return
        with self._lock("room"):
            os.replace(part, target)
            os.utime(target)
            self._make_room(0, keep=target.name)  # where the size was not known before

    def _make_room(self, size: int, keep: str = "") -> bool:
        """Whether ``size`` more bytes fit, after the least recently read copies are gone."""
        assert self.limit is not None
        self._drop_abandoned()
        found = sorted(self._held())
        total = size + sum(length for _, _, length in found)
        for _, path, length in found:
            if total <= self.limit:
                break
            if path.suffix != _PART and path.name != keep:
                path.unlink(missing_ok=True)
                total -= length
        return total <= self.limit

    def _held(self) -> Iterator[tuple[int, Path, int]]:
        """(when it was read last, file, bytes) of all copies and transfers."""
        for path in (self.folder / "shards").iterdir():
            try:
                about = path.stat()
            except FileNotFoundError:  # a transfer that has just ended
                continue
            yield about.st_mtime_ns, path, about.st_size

    def _drop_abandoned(self) -> None:
        """Transfers whose process was killed leave a file behind, and no lock."""
        for part in (self.folder / "shards").glob(f"*{_PART}"):
            try:
                with self._lock(part.name.removesuffix(_PART), wait=False):
                    part.unlink(missing_ok=True)
            except Timeout:  # under way
                continue

    def _lock(self, name: str, *, wait: bool = True) -> FileLock:
        folder = self.folder / "shard-locks"
        folder.mkdir(parents=True, exist_ok=True)
        return FileLock(folder / f"{name}.lock", timeout=-1 if wait else 0, poll_interval=_POLL)


def _safe(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in name)[-64:]


def _flush(part: Path) -> None:
    with part.open("rb") as file:
        os.fsync(file.fileno())
