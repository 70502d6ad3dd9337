"""Pictures in folders of a file system."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from covpool.data.decode import START_BYTES
from covpool.data.names import Names
from covpool.data.sources.layout import Listing, is_hidden


@dataclass
class FileReader:
    """position -> bytes of a file."""

    paths: Sequence[str]

    def __post_init__(self) -> None:
        self.paths = Names(self.paths)

    def __call__(self, position: int) -> bytes:
        with opened(self.paths[position]) as file:
            return file.read()


def opened(path: str | Path) -> BinaryIO:
    """A file of bytes. A pipe, or a device that a link leads to, would never end or never begin: OSError."""
    descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NONBLOCK", 0))
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "it is no file but a folder, a pipe or a device", str(path))
        return os.fdopen(descriptor, "rb")
    except BaseException:
        os.close(descriptor)
        raise


def list_folder(root: Path) -> tuple[Listing, FileReader]:
    """Everything below ``root`` in sorted order; links to folders are followed, once each.

    Raises:
        OSError: a folder that cannot be listed.
    """
    walk = _Walk(str(root))
    walk.down("", os.stat(root))
    files, folders = [_clean(name) for name in walk.files], [_clean(name) for name in walk.folders]
    top = os.path.abspath(root)  # a later change of the working directory must not lose the files
    paths = [os.path.join(top, name) for name in walk.files]
    listing = Listing.of(str(root), files, folders, lambda row: read_start(paths[row]))
    return listing, FileReader([paths[row] for row in listing.rows])


def read_start(path: str) -> bytes:
    """The first bytes of a file, enough to know a picture by."""
    with opened(path) as file:
        return file.read(START_BYTES)


class _Walk:
    def __init__(self, root: str) -> None:
        self.root = root
        self.files: list[str] = []
        self.folders: list[str] = []

    def down(self, folder: str, *above: os.stat_result) -> None:
        with os.scandir(os.path.join(self.root, folder)) as entries:
            ordered = sorted(entries, key=lambda entry: entry.name)
        for entry in ordered:
            name = f"{folder}/{entry.name}" if folder else entry.name
            if is_hidden(entry.name):
                continue
            if entry.is_dir():
                self._enter(name, entry, above)
            elif entry.is_file() or entry.is_symlink():  # a dead link is named when it is read
                self.files.append(name)

    def _enter(self, name: str, entry: os.DirEntry[str], above: tuple[os.stat_result, ...]) -> None:
        here = entry.stat()
        if any(os.path.samestat(here, folder) for folder in above):
            return  # a link to a folder that we are inside of
        self.folders.append(name)
        self.down(name, *above, here)


def _clean(name: str) -> str:
    """Bytes that are no UTF-8 become a replacement sign: keys go into messages and JSON."""
    return os.fsencode(name).decode("utf-8", "replace")
