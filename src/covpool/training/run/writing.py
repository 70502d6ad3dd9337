"""Files that are on the disk whole or not at all, whatever ends the program or fills the disk."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


class NotWritten(RuntimeError):
    """A file of a run that the system would not take: a full disk, a folder that is read only."""

    def __init__(self, path: Path, reason: str, advice: str = "what was there before is untouched") -> None:
        self.path, self.reason = path, reason
        super().__init__(f"cannot write {path} ({reason}); {advice}")


@contextmanager
def whole_file(path: Path, *, keep: Path | None = None) -> Iterator[IO[bytes]]:
    """A file that gets its name only when it is written and flushed to the disk.

    An error or a kill at any moment leaves the former file, or none, in place; with ``keep`` it may stand there.
    """
    scratch = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with scratch.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if keep is not None and path.exists():
            path.replace(keep)
        scratch.replace(path)
    except Exception as error:
        told = _of_the_system(error)
        if told is None:
            raise
        raise NotWritten(path, told.strerror or str(told)) from error
    finally:
        _remove(scratch)


def _of_the_system(error: BaseException | None) -> OSError | None:
    """The system's own error behind ``error``: torch reports a full disk as a position that it did not expect."""
    while error is not None and not isinstance(error, OSError):
        error = error.__cause__ or error.__context__
    return error


def _remove(scratch: Path) -> None:
    try:
        scratch.unlink(missing_ok=True)
    except OSError:  # a file system that became read only; what matters has been said
        return
