"""Where each file of a zip archive lies, read strictly; nothing is unpacked to disk."""

from __future__ import annotations

import os
import stat
import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from covpool.data.errors import BadSource

LARGEST = 1 << 28  # bytes of one member; a picture file of 256 MiB is an attack, not a picture
_STORED, _DEFLATED = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED
_ENCRYPTED = 0x1


@dataclass(frozen=True)
class ZipIndex:
    """The regular files of an archive, in its order; small enough to be sent to workers."""

    path: str
    names: list[str]
    offsets: np.ndarray
    packed: np.ndarray
    sizes: np.ndarray
    deflated: np.ndarray

    def read(self, row: int) -> bytes:
        """The bytes of one file; OSError where they cannot be had."""
        with open(self.path, "rb") as archive:
            archive.seek(int(self.offsets[row]))
            header = archive.read(30)
            if header[:4] != b"PK\3\4":
                raise OSError(f"the archive {self.path!r} is damaged at byte {self.offsets[row]}")
            archive.seek(sum(struct.unpack("<HH", header[26:30])), os.SEEK_CUR)  # name and extra field
            data = archive.read(int(self.packed[row]))
        return self._inflated(data, int(self.sizes[row])) if self.deflated[row] else data

    def _inflated(self, data: bytes, size: int) -> bytes:
        try:
            found = zlib.decompressobj(-15).decompress(data, size + 1)  # never more than was stated
        except zlib.error as error:
            raise OSError(f"a member of {self.path!r} is damaged ({error})") from error
        if len(found) != size:
            raise OSError(f"a member of {self.path!r} does not have the {size} bytes that it states")
        return found

    def without_names(self) -> ZipIndex:
        """The same for readers: names go elsewhere, once."""
        return ZipIndex(self.path, [], self.offsets, self.packed, self.sizes, self.deflated)


def index_zip(path: str | Path) -> ZipIndex:
    """Find every file of a zip.

    Raises:
        BadSource: a damaged archive, or members that we refuse: links, absolute names, names with '..',
            encrypted ones, those of more than 256 MiB and those packed by anything but deflate.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise BadSource(str(path), [f"cannot use the archive {str(path)!r}: {error}; download it again"]) from error
    mistakes = [found for member in members if (found := _refused(member))]
    files = [member for member in members if not member.is_dir()]
    names = [_clean(member.filename) for member in files]
    if len(set(names)) < len(names):
        mistakes.append("a name is in it twice; pack it again")
    if mistakes:
        more = f" and {len(mistakes) - 5} more" if len(mistakes) > 5 else ""
        raise BadSource(str(path), [f"cannot use the archive {str(path)!r}: {'; '.join(mistakes[:5])}{more}"])
    return ZipIndex(
        os.path.abspath(path),
        names,
        np.array([member.header_offset for member in files], np.int64),
        np.array([member.compress_size for member in files], np.int64),
        np.array([member.file_size for member in files], np.int64),
        np.array([member.compress_type == _DEFLATED for member in files], bool),
    )


def _clean(name: str) -> str:
    return "/".join(part for part in name.split("/") if part not in ("", "."))


def _refused(member: zipfile.ZipInfo) -> str | None:
    name, mode = member.filename, member.external_attr >> 16
    if name.startswith("/") or "\\" in name or ":" in name.split("/")[0] or ".." in name.split("/"):
        return f"the name {name!r} leads out of the archive; pack with plain relative names"
    if stat.S_ISLNK(mode):
        return f"{name!r} is a symbolic link; pack copies"
    if member.flag_bits & _ENCRYPTED:
        return f"{name!r} is encrypted; unpack it yourself and name the folder"
    if member.compress_type not in (_STORED, _DEFLATED):
        return f"{name!r} is packed by method {member.compress_type}; unpack it yourself and name the folder"
    if member.file_size > LARGEST:
        return f"{name!r} states {member.file_size:,} bytes, more than a picture has"
    return None
