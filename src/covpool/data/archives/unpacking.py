"""A compressed tar -> a plain tar in the cache, made once: members of a compressed one cannot be read in any order."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import logging
import lzma
import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from covpool.data.errors import BadSource

log = logging.getLogger("covpool")

ENDINGS = (".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
_OPENERS: dict[bytes, Callable[[Path], Any]] = {b"\x1f\x8b": gzip.open, b"BZ": bz2.open, b"\xfd7": lzma.open}
_PIECE = 1 << 20
_MOST_TIMES = 30  # pictures do not shrink: published archives unpack to about their own size
_ALWAYS_FINE = 1 << 30


def plain_tar(path: Path, cache: Path) -> Path:
    """The tar itself, or its uncompressed copy below ``cache/unpacked``; the copy is made beside and renamed.

    Raises:
        BadSource: damaged, or growing beyond any archive of pictures (a decompression bomb).
    """
    with path.open("rb") as file:
        opener = _OPENERS.get(file.read(2))
    if opener is None:
        return path
    about = path.stat()
    mark = hashlib.sha256(f"{path.resolve()} {about.st_size} {about.st_mtime_ns}".encode()).hexdigest()[:12]
    copy = cache / "unpacked" / f"{path.name.split('.')[0]}-{mark}.tar"
    if not copy.exists():
        log.info("unpacking %s to %s, once", path, copy)
        copy.parent.mkdir(parents=True, exist_ok=True)
        beside = copy.with_name(f"{copy.name}.{os.getpid()}.part")
        try:
            _inflate(path, opener, beside, max(_ALWAYS_FINE, _MOST_TIMES * about.st_size))
            os.replace(beside, copy)
        finally:
            beside.unlink(missing_ok=True)
    return copy


def _inflate(path: Path, opener: Callable[[Path], Any], target: Path, limit: int) -> None:
    try:
        with opener(path) as packed, target.open("wb") as plain:
            while plain.tell() <= limit and (piece := packed.read(_PIECE)):
                plain.write(piece)
            written = plain.tell()
    except (EOFError, zlib.error, lzma.LZMAError, gzip.BadGzipFile, ValueError) as error:
        sentence = f"the archive {str(path)!r} is cut or damaged ({error}); download it again"
        raise BadSource(str(path), [sentence]) from error
    if written > limit:
        sentence = f"{str(path)!r} unpacks to more than {limit:,} bytes: it may be a decompression bomb"
        raise BadSource(str(path), [sentence])
