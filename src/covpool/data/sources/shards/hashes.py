"""What shards from elsewhere are compared with: the SHA-256 that ``covpool data prepare`` wrote of each."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from covpool.data.errors import BadSource
from covpool.data.sources.folder import opened
from covpool.data.sources.shards.patterns import name_of


def read_hashes(path: Path) -> dict[str, str]:
    """File name -> SHA-256 of the ``dataset.json`` of a prepared set.

    Raises:
        BadSource: there is none, or another file.
    """
    try:
        with opened(path) as file:
            splits = json.loads(file.read())["splits"]
        return {part["file"]: part["sha256"].lower() for split in splits.values() for part in split["parts"]}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        sentence = f"{str(path)!r} holds no hashes of shards; name the dataset.json of covpool data prepare (hashes=)"
        raise BadSource(str(path), [sentence]) from error


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_shard(shard: str, copy: Path, hashes: Mapping[str, str]) -> None:
    """BadSource unless the copy of ``shard`` is what was prepared under its name."""
    wanted = hashes.get(name_of(shard))
    if wanted is None:
        raise BadSource(shard, [f"{shard!r} is not among the shards whose hashes were given (hashes=)"])
    if sha256_of(copy) != wanted:
        raise BadSource(shard, [f"{shard!r} is not the shard that was prepared: its SHA-256 is another"])
