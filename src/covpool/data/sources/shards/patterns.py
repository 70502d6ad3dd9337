"""What a user names shards with: a pattern in braces, URLs, commands, a folder."""

from __future__ import annotations

import re
from pathlib import Path

from covpool.data.errors import BadSource
from covpool.data.sources.splits import files_of

_REMOTE = re.compile(r"pipe:|[a-z][a-z0-9+.-]+(://|::)", re.IGNORECASE)
COMMAND = "pipe:"
_MOST = 100_000
_BRACES = re.compile(r"\{([^{}]*(?:\.\.|,)[^{}]*)\}")
_RANGE = re.compile(r"(\d{1,12})\.\.(\d{1,12})")


def expand(pattern: str) -> list[str]:
    """The names of a pattern: ``{000..127}`` counts, with as many digits, ``{train,val}`` lists.

    Example:
        >>> expand("a-{08..10}.tar")
        ['a-08.tar', 'a-09.tar', 'a-10.tar']
    """
    found = _BRACES.search(pattern)
    if found is None:
        return [pattern]
    before, after = pattern[: found.start()], expand(pattern[found.end() :])
    names = [before + word + rest for word in _words(pattern, found[1]) for rest in after]
    if len(names) > _MOST:
        raise BadSource(pattern, [f"{pattern!r} names {len(names)} shards; more than {_MOST} are surely a mistake"])
    return names


def _words(pattern: str, inside: str) -> list[str]:
    span = _RANGE.fullmatch(inside)
    if span is None:
        return inside.split(",")
    first, last = int(span[1]), int(span[2])
    if not 0 <= last - first < _MOST:
        raise BadSource(pattern, [f"{pattern!r} counts from {first} to {last}; write the smaller number first"])
    width = len(span[1]) if len(span[1]) == len(span[2]) or span[1].startswith("0") else 0
    return [f"{number:0{width}d}" for number in range(first, last + 1)]


def is_remote(source: str) -> bool:
    """Whether shards have to be fetched first: a command, or a URL of whatever protocol.

    Example:
        >>> is_remote("s3://bucket/{0..9}.tar"), is_remote("fake:classes=10"), is_remote("a/b.tar")
        (True, False, False)
    """
    return _REMOTE.match(source) is not None


def is_command(source: str) -> bool:
    """Whether a shell writes the shards."""
    return source.startswith(COMMAND)


def name_of(shard: str) -> str:
    """The file name in a path, a URL or a command, which may say its split.

    Example:
        >>> name_of("pipe:aws s3 cp s3://b/val-00.tar -"), name_of("https://h/d/train-1.tar?key=x")
        ('val-00.tar', 'train-1.tar')
    """
    words = [word for word in re.split(r"[\s?#'\"]", shard) if re.search(r"\.tar\b", word)]
    return (words[0] if words else shard).rpartition("/")[2]


def local_shards(folder: Path) -> list[Path]:
    """The tars in a folder, or in subfolders named as splits."""
    return [file for file in files_of(folder) if file.suffix == ".tar"] if folder.is_dir() else []
