"""The files of a published set under their relative names, wherever they lie: folder, tar, compressed tar, zip."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path
from typing import Protocol

import numpy as np

from covpool.data.archives.unpacking import ENDINGS, plain_tar
from covpool.data.archives.zip_index import index_zip
from covpool.data.errors import BadSource
from covpool.data.sources.folder import opened
from covpool.data.sources.layout import is_hidden
from covpool.formats import BadTar, TarIndex, index_tar

_ARCHIVES = (".tar", ".zip", *ENDINGS)


class Mount(Protocol):
    """One folder or archive: row -> bytes."""

    def read(self, row: int) -> bytes: ...


@dataclass
class Folder:
    """Files below a folder of the file system."""

    root: str
    names: list[str]

    def read(self, row: int) -> bytes:
        """The bytes of one file."""
        with opened(Path(self.root, self.names[row])) as file:
            return file.read()


@dataclass
class Pictures:
    """position -> bytes of a picture, for an ImageSet."""

    mounts: list[Mount]
    which: np.ndarray
    rows: np.ndarray

    def __call__(self, position: int) -> bytes:
        return self.mounts[int(self.which[position])].read(int(self.rows[position]))


@dataclass
class Tree:
    """Names -> files of one or several mounts; what is mounted first wins."""

    place: str
    mounts: list[Mount] = field(default_factory=list)
    _files: dict[str, tuple[int, int]] = field(default_factory=dict)
    _bases: dict[str, str] = field(default_factory=dict)

    def add_folder(self, root: Path, *, deep: bool = True) -> None:
        """Mount a folder; ``deep=False`` takes the files directly in it only."""
        names = _walk(str(root)) if deep else sorted(e.name for e in os.scandir(root) if e.is_file())
        self._mount(Folder(os.path.abspath(root), names), names)

    def add_archive(self, path: Path, cache: Path) -> None:
        """Mount an archive.

        Raises:
            BadSource: damaged, or with members that we refuse.
        """
        if path.name.lower().endswith(".zip"):
            index = index_zip(path)
            self._mount(index.without_names(), index.names)
            return
        try:
            tar = index_tar(plain_tar(path, cache))
        except BadTar as error:
            raise BadSource(str(path), [str(error)]) from error
        self._mount(TarIndex(os.path.abspath(tar.path), [], tar.offsets, tar.sizes, []), tar.names)

    def _mount(self, mount: Mount, names: Iterable[str]) -> None:
        number = len(self.mounts)
        self.mounts.append(mount)
        for row, name in enumerate(names):
            if not is_hidden(name):
                self._files.setdefault(name, (number, row))
        self._bases = {}

    def __contains__(self, name: str) -> bool:
        return name in self._files

    def root_of(self, *marks: str) -> str | None:
        """The folder, nearest to the top, in which all ``marks`` lie: '' or 'some/folder/'."""
        first = marks[0]
        candidates = [name[: -len(first)] for name in self._files if name == first or name.endswith(f"/{first}")]
        fitting = [root for root in candidates if all(root + mark in self._files for mark in marks)]
        return min(fitting, key=lambda root: (root.count("/"), root), default=None)

    def below(self, folder: str) -> list[str]:
        """Names that start with ``folder``, in order."""
        return sorted(name for name in self._files if name.startswith(folder))

    def by_base(self, base: str) -> str | None:
        """The full name of the file that is called ``base``, in whatever folder."""
        if not self._bases:
            for name in self._files:
                self._bases.setdefault(name.rpartition("/")[2], name)
        return self._bases.get(base)

    def content(self, name: str) -> bytes:
        """The bytes of one file."""
        mount, row = self._files[name]
        return self.mounts[mount].read(row)

    def text(self, name: str) -> str:
        """The text of one file, without the mark that some editors put first."""
        return self.content(name).decode("utf-8-sig", "replace")

    def pictures(self, names: Iterable[str]) -> Pictures:
        """A reader of these files, in this order."""
        found = np.array([self._files[name] for name in names], np.int64).reshape(-1, 2)
        return Pictures(self.mounts, found[:, 0], found[:, 1])


def is_archive(path: Path) -> bool:
    """Whether a file is an archive by its name."""
    return path.is_file() and path.name.lower().endswith(_ARCHIVES)


def archives_in(folder: Path, patterns: Iterable[str]) -> list[Path]:
    """The archives directly in ``folder`` that are called like one of ``patterns``."""
    wanted = [pattern.lower() for pattern in patterns]
    entries = sorted(folder.iterdir()) if folder.is_dir() else []
    return [path for path in entries if is_archive(path) and any(fnmatch(path.name.lower(), p) for p in wanted)]


def _walk(root: str) -> list[str]:
    names = []
    for folder, folders, files in os.walk(root):
        folders.sort()
        inside = os.path.relpath(folder, root).replace(os.sep, "/")
        names += [name if inside == "." else f"{inside}/{name}" for name in sorted(files)]
    return names
