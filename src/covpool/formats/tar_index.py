"""Where each file of a tar archive lies, read strictly and without unpacking anything."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

import numpy as np

BLOCK = 512
_METADATA_LIMIT = 1 << 20  # a long name or a pax header of more than 1 MiB is an attack, not a name
_SHOWN = 5
_RECORD = re.compile(rb"(\d{1,7}) ([^=]+)=")
_FILE, _FOLDER, _LONG_NAME, _LONG_LINK, _PAX, _PAX_GLOBAL, _LABEL = b"0", b"5", b"L", b"K", b"x", b"g", b"V"
_REFUSED = {
    b"1": "a hard link",
    b"2": "a symbolic link",
    b"3": "a character device",
    b"4": "a block device",
    b"6": "a pipe",
    b"S": "a sparse file",
    b"M": "a part of a multi-volume archive",
}
_COMPRESSED = {
    b"\x1f\x8b": ("gzip", "gunzip"),
    b"BZh": ("bzip2", "bunzip2"),
    b"\xfd7zXZ": ("xz", "unxz"),
    b"\x28\xb5\x2f\xfd": ("zstd", "unzstd"),
    b"PK\x03\x04": ("zip", "unzip"),
}


class BadTar(ValueError):
    """An archive that is damaged or that holds members we refuse; ``mistakes`` lists every finding."""

    def __init__(self, path: str, mistakes: list[str]) -> None:
        self.path, self.mistakes = path, mistakes
        more = [f"and {len(mistakes) - _SHOWN} more"] if len(mistakes) > _SHOWN else []
        super().__init__(f"cannot use the archive {path!r}: {'; '.join([*mistakes[:_SHOWN], *more])}")

    def __reduce__(self) -> tuple:
        return type(self), (self.path, self.mistakes)


@dataclass(frozen=True)
class TarIndex:
    """The regular files of an archive in the order they lie in it, and its folders."""

    path: str
    names: list[str]
    offsets: np.ndarray
    sizes: np.ndarray
    folders: list[str]

    def read(self, position: int, limit: int | None = None) -> bytes:
        """Bytes of one file, at most ``limit``. The archive is opened anew: workers share no file position."""
        size = int(self.sizes[position])
        with open(self.path, "rb") as archive:
            archive.seek(int(self.offsets[position]))
            return archive.read(size if limit is None else min(size, limit))


@dataclass
class _Findings:
    names: list[str] = field(default_factory=list)
    offsets: list[int] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    mistakes: list[str] = field(default_factory=list)

    def add(self, kind: bytes, name: str, offset: int, size: int) -> None:
        strange = _strange_name(name)
        if strange is None and kind in _REFUSED:
            strange = f"{name!r} is {_REFUSED[kind]}; pack copies (tar --dereference --hard-dereference)"
        clean = "/".join(part for part in name.split("/") if part not in ("", "."))
        if strange is None and not clean and kind == _FILE:
            strange = f"a file has no name ({name!r})"
        if strange is not None:
            self.mistakes.append(strange)
            return
        if kind == _FOLDER and clean:
            self.folders.append(clean)
        elif kind == _FILE:
            self._add_file(clean, offset, size)

    def _add_file(self, name: str, offset: int, size: int) -> None:
        if name in self.seen:
            self.mistakes.append(f"{name!r} is in it twice; pack it again")
            return
        self.seen.add(name)
        self.names.append(name)
        self.offsets.append(offset)
        self.sizes.append(size)


class _Damage(Exception):
    """A header that cannot be followed; the message is a mistake."""


def index_tar(path: str | Path) -> TarIndex:
    """Find every file of an uncompressed tar (ustar, GNU or pax), reading headers only.

    Nothing is extracted. Links, devices, pipes, sparse files, absolute names and names with '..' are
    refused, and so are damaged or cut archives: a picture never goes missing silently.

    Raises:
        BadTar: with all findings, or the first damage that makes the rest unreadable.
        OSError: where the file cannot be opened.

    Example:
        >>> import tarfile, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     with tarfile.open(f"{folder}/a.tar", "w") as tar:
        ...         tar.add(__file__, "train/cat/1.jpg")
        ...     index_tar(f"{folder}/a.tar").names
        ['train/cat/1.jpg']
    """
    index, mistakes = survey_tar(path)
    if mistakes:
        raise BadTar(str(path), mistakes)
    return index


def survey_tar(path: str | Path) -> tuple[TarIndex, list[str]]:
    """The sound files of an archive that may be damaged or hostile, and what is wrong with the rest.

    Members that ``index_tar`` refuses are left out, and so is everything after a damaged header or a cut.

    Raises:
        OSError: where the file cannot be opened.
    """
    found = _Findings()
    with open(path, "rb") as archive:
        length = os.fstat(archive.fileno()).st_size
        try:
            _refuse_compressed(archive)
            _walk(archive, length, found)
        except _Damage as damage:
            found.mistakes.append(str(damage))
    offsets, sizes = np.array(found.offsets, np.int64), np.array(found.sizes, np.int64)
    return TarIndex(str(path), found.names, offsets, sizes, found.folders), found.mistakes


def _refuse_compressed(archive: BinaryIO) -> None:
    start = archive.read(8)
    archive.seek(0)
    if not start:
        raise _Damage("it is empty (0 bytes)")
    for magic, (kind, tool) in _COMPRESSED.items():
        if start.startswith(magic):
            raise _Damage(f"it is {kind}-compressed, and pictures are read in any order; run {tool} on it first")


def _walk(archive: BinaryIO, length: int, found: _Findings) -> None:
    position = 0
    overrides: dict[str, str] = {}
    while True:
        header = _header(archive, position, length)
        if header is None:
            return _check_rest(archive, position + BLOCK, length)
        kind, name = _kind(header), _name(header)
        size = _size(header, overrides, position)
        data = position + BLOCK
        if data + size > length:
            raise _Damage(f"it is cut short inside {overrides.get('path', name)!r}; copy or download it again")
        position = data + -(-size // BLOCK) * BLOCK
        if kind in (_LONG_NAME, _LONG_LINK, _PAX, _PAX_GLOBAL):
            overrides.update(_metadata(archive, kind, data, size))
            continue
        if any(key.startswith("GNU.sparse") for key in overrides):
            kind = b"S"
        found.add(kind, overrides.get("path", name), data, size)
        overrides = {}


def _header(archive: BinaryIO, position: int, length: int) -> bytes | None:
    """The header block at ``position``; None for the zero block that ends an archive."""
    archive.seek(position)
    header = archive.read(BLOCK)
    if len(header) < BLOCK and position == 0:
        raise _Damage(f"it is no tar, which has at least {BLOCK} bytes; got {length}")
    if len(header) < BLOCK:
        raise _Damage(f"it has no end mark after {length} bytes, so it is probably cut short; copy it again")
    if not any(header):
        return None
    stated = header[148:156]
    if _octal(stated) != sum(header) - sum(stated) + 8 * ord(" "):  # the sum is taken with blanks in its place
        what = "it is no tar" if position == 0 else f"its header at byte {position} is damaged"
        raise _Damage(f"{what} (the checksum does not fit); copy or pack it again")
    return header


def _check_rest(archive: BinaryIO, position: int, length: int) -> None:
    archive.seek(position)
    while rest := archive.read(1 << 20):
        if any(rest):
            raise _Damage("it goes on after its end mark; join archives with tar --concatenate, not with cat")


def _kind(header: bytes) -> bytes:
    kind = header[156:157]
    if kind in (b"\0", b"7", _FILE):
        return _FOLDER if _text(header[:100]).endswith("/") else _FILE
    if kind == b"D":
        return _FOLDER
    known = {_FOLDER, _LONG_NAME, _LONG_LINK, _PAX, _PAX_GLOBAL, _LABEL, *_REFUSED}
    if kind not in known:
        raise _Damage(f"{_name(header)!r} has the unknown member type {kind!r}; pack it again")
    return kind


def _name(header: bytes) -> str:
    name, prefix = _text(header[:100]), _text(header[345:500])
    posix = header[257:263] == b"ustar\0"  # GNU's magic ends in spaces and keeps times where prefix would be
    return f"{prefix}/{name}" if posix and prefix else name


def _size(header: bytes, overrides: dict[str, str], position: int) -> int:
    stated = overrides.get("size")
    size = _octal(header[124:136]) if stated is None else int(stated) if re.fullmatch("[0-9]{1,19}", stated) else None
    if size is None:
        raise _Damage(f"its header at byte {position} states no valid size; copy or pack it again")
    return size


def _metadata(archive: BinaryIO, kind: bytes, offset: int, size: int) -> dict[str, str]:
    if size > _METADATA_LIMIT:
        raise _Damage(f"a name or header of {size} bytes at byte {offset} is refused; pack it again")
    archive.seek(offset)
    content = archive.read(size)
    if kind == _LONG_NAME:
        return {"path": _text(content)}
    return _pax_records(content, offset) if kind == _PAX else {}


def _pax_records(content: bytes, offset: int) -> dict[str, str]:
    """Records ``length key=value newline``; the length counts the whole record, its own digits too."""
    records: dict[str, str] = {}
    place = 0
    while place < len(content):
        match = _RECORD.match(content, place)
        end = place + int(match[1]) if match else 0
        if match is None or not match.end() < end <= len(content) or content[end - 1 : end] != b"\n":
            raise _Damage(f"its extended header at byte {offset} is damaged; copy or pack it again")
        records[_decode(match[2])] = _decode(content[match.end() : end - 1])
        place = end
    return records


def _octal(digits: bytes) -> int | None:
    if digits[0] & 0x80:  # GNU's binary form of large numbers; 0xff would be a negative one
        return None if digits[0] == 0xFF else int.from_bytes(bytes([digits[0] & 0x7F]) + digits[1:], "big")
    digits = digits.strip(b" \0")
    return int(digits or b"0", 8) if re.fullmatch(rb"[0-7]*", digits) else None


def _text(content: bytes) -> str:
    return _decode(content.split(b"\0", 1)[0])


def _decode(content: bytes) -> str:
    return content.decode("utf-8", "replace")


def _strange_name(name: str) -> str | None:
    if name.startswith("/") or re.match(r"[A-Za-z]:[\\/]", name):
        return f"the name {name!r} is absolute; pack with relative names"
    if "\0" in name or ".." in name.split("/"):
        return f"the name {name!r} leads out of the archive; pack with plain relative names"
    return None
