"""What may follow the ``#`` of a source of shards: where copies are kept, how much of them, and in which order to read.

``s3://bucket/train-{000000..000123}.tar#cache=/scratch,limit=200GB,window=8,ahead=8``. A URL's fragment is never sent
to a server, so the string stays one that names the data and how a machine of limited disk goes through it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from covpool.data.errors import BadSource
from covpool.registry import nearest

_OPTIONS = re.compile(r"\w+=[^,#]*(?:,\w+=[^,#]*)*")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kMGT]?)B?", re.IGNORECASE)
_FACTORS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_MOST_AHEAD = 64
DEFAULT_AHEAD = 2


@dataclass(frozen=True)
class Keeping:
    """How shards are kept and read.

    Args:
        cache: folder for copies; None: that of ``open_images``.
        limit: bytes that all copies there may take together; None: they stay, and the whole set is copied at first.
        window: shards whose pictures are shuffled together; None shuffles the whole set.
        ahead: shards that are fetched while others are read; None: as many as a window has, else 2.
        hashes: the ``dataset.json`` of the prepared set, which every copy is compared with; None: sizes alone are.
    """

    cache: Path | None = None
    limit: int | None = None
    window: int | None = None
    ahead: int | None = None
    hashes: Path | None = None

    @property
    def fetched_ahead(self) -> int:
        """How many shards are fetched while others are read."""
        return min(self.window or DEFAULT_AHEAD, _MOST_AHEAD) if self.ahead is None else self.ahead

    def needed(self, largest: int) -> int:
        """Bytes that a limit needs for shards up to this size: two windows, since one ends while the next begins."""
        return (2 * (self.window or 1) + self.fetched_ahead) * largest


def split_options(source: str) -> tuple[str, Keeping | None]:
    """The source without its options, and the options; None where it has none.

    Raises:
        BadSource: an unknown option, or a value that it cannot have.

    Example:
        >>> split_options("s3://b/{0..9}.tar#limit=2GB,window=4")
        ('s3://b/{0..9}.tar', Keeping(cache=None, limit=2000000000, window=4, ahead=None, hashes=None))
        >>> split_options("shards/")
        ('shards/', None)
    """
    place, mark, words = source.rpartition("#")
    if not mark or not _OPTIONS.fullmatch(words):
        return source, None
    found: dict[str, Any] = {}
    mistakes = []
    for name, value in (word.split("=", 1) for word in words.split(",")):
        if name not in _READ:
            hint = f"; did you mean {near!r}?" if (near := nearest(name, list(_READ))) else ""
            mistakes.append(f"{name!r} is no option of shards ({', '.join(_READ)}){hint}")
            continue
        found[name] = _READ[name](value.strip())
        if found[name] is None:
            mistakes.append(f"{name} needs {_WANTED[name]}; got {value!r}")
    if mistakes:
        raise BadSource(source, mistakes)
    return place, Keeping(**found)


def _folder(value: str) -> Path | None:
    return Path(value).expanduser() if value else None


def _bytes(value: str) -> int | None:
    found = _SIZE.fullmatch(value)
    return int(float(found[1]) * _FACTORS[found[2].upper()]) or None if found else None


def _shards(value: str) -> int | None:
    return int(value) if re.fullmatch(r"[1-9]\d{0,5}", value) else None


def _ahead(value: str) -> int | None:
    return int(value) if re.fullmatch(r"\d{1,2}", value) and int(value) <= _MOST_AHEAD else None


_READ: dict[str, Callable[[str], Any]] = {
    "cache": _folder,
    "limit": _bytes,
    "window": _shards,
    "ahead": _ahead,
    "hashes": _folder,
}
_WANTED = {
    "cache": "a folder",
    "hashes": "a file, the dataset.json of the prepared set",
    "limit": "a size above 0, such as 200GB",
    "window": "a number of shards, 1 or more",
    "ahead": f"a number of shards from 0 to {_MOST_AHEAD}",
}
