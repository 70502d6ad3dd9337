"""Who is at work on what: locks that the system gives back when their process dies, however it dies."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


class Hold:
    """A file that this process holds. The lock ends with ``release`` or with the process, SIGKILL included.

    Processes that were forked meanwhile, such as those that read pictures, keep it until they notice that they are
    alone: a few seconds.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    @classmethod
    def of(cls, path: Path, *, wait: bool = False) -> Hold | None:
        """Hold ``path``, which is made; None where another process holds it and ``wait`` is false."""
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            file.close()
            return None
        except BaseException:
            file.close()
            raise
        return cls(file)

    def release(self) -> None:
        """Give it back; a second time does nothing."""
        self._file.close()


class JournalLock:
    """The two methods that Optuna's journal wants of a lock, on a file that is held."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._hold: Hold | None = None

    def acquire(self) -> bool:
        """Wait until the file is free, and hold it."""
        self._hold = Hold.of(self._path, wait=True)
        return True

    def release(self) -> None:
        """Give it back."""
        assert self._hold is not None
        self._hold.release()


def lock(folder: Path, what: str) -> Path:
    """The file that stands for ``what`` of the sweep in ``folder``."""
    return folder / "locks" / what


@contextmanager
def holding(path: Path) -> Iterator[None]:
    """Hold ``path`` inside the block, after waiting for others."""
    hold = Hold.of(path, wait=True)
    assert hold is not None
    try:
        yield
    finally:
        hold.release()
