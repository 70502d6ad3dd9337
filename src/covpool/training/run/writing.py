"""Files that are on the disk whole or not at all, whatever ends the program or fills the disk."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from covpool.evaluation.writing.whole_file import placed


class NotWritten(RuntimeError):
    """A file of a run that the system would not take: a full disk, a folder that is read only."""

    def __init__(self, path: Path, reason: str, advice: str = "what was there before is untouched") -> None:
        self.path, self.reason = path, reason
        super().__init__(f"cannot write {path} ({reason}); {advice}")


@contextmanager
def whole_file(path: Path, *, keep: Path | None = None) -> Iterator[IO[bytes]]:
    """A file that gets its name only when it is written and flushed to the disk; see ``placed``, for ``keep`` too.

    Raises:
        NotWritten: the system would not take it.
    """
    try:
        with placed(path, keep=keep) as file:
            yield file
    except Exception as error:
        told = _of_the_system(error)
        if told is None:
            raise
        raise NotWritten(path, told.strerror or str(told)) from error


def _of_the_system(error: BaseException | None) -> OSError | None:
    """The system's own error behind ``error``: torch reports a full disk as a position that it did not expect."""
    while error is not None and not isinstance(error, OSError):
        error = error.__cause__ or error.__context__
    return error
