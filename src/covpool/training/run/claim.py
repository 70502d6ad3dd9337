"""One process at a time writes a run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout


class RunInUse(RuntimeError):
    """Another process is writing the run folder ``path``."""

    def __init__(self, path: Path, owner: str) -> None:
        self.path = path
        who = f"process {owner}" if owner.isdigit() else "another process"
        super().__init__(f"{who} is writing the run folder {path}; stop it, wait for its end, or name another folder")


@contextmanager
def claimed(path: Path) -> Iterator[None]:
    """Keep other processes out of the run folder ``path`` while the block runs.

    The lock is the system's own: it ends with the process, however that ends, and a file left behind locks nothing.

    Raises:
        RunInUse: another process holds it.
    """
    owner = path / ".owner"
    try:
        with FileLock(path / ".lock", timeout=0):
            owner.write_text(str(os.getpid()), encoding="utf-8")
            yield
    except Timeout as error:
        said = ""
        with suppress(OSError, UnicodeDecodeError):
            said = owner.read_text(encoding="utf-8").strip()
        raise RunInUse(path, said) from error
