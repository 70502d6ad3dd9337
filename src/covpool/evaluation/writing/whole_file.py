"""Files that are whole or absent."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO


@contextmanager
def whole_file(path: str | Path) -> Iterator[IO[bytes]]:
    """A file that gets its name only when it is written and flushed to the disk; its folder is made.

    An error or a kill at any moment leaves the former file, or none, in place.

    Example:
        >>> import tempfile
        >>> path = Path(tempfile.mkdtemp()) / "new" / "numbers.txt"
        >>> with whole_file(path) as file:
        ...     _ = file.write(b"42")
        >>> path.read_text()
        '42'
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with placed(path) as file:
        yield file


@contextmanager
def placed(path: Path, *, keep: Path | None = None) -> Iterator[IO[bytes]]:
    """``whole_file`` in a folder that is there; with ``keep`` the former file is found at that path afterwards.

    A kill between the two renamings leaves the former file at ``keep`` and none at ``path``.
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
    finally:
        with suppress(OSError):  # a file system that became read only; the error that matters is on its way
            scratch.unlink(missing_ok=True)
