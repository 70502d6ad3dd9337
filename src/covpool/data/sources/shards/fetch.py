"""Shards from elsewhere, copied whole into the cache before they are read.

A copy makes every promise of a local set hold for a remote one: any order, any number of ranks and workers, going on
in the middle of an epoch. It costs disk: as much as the shards.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

from covpool.data.errors import BadSource
from covpool.data.sources.shards.patterns import name_of

log = logging.getLogger("covpool")
_TRIES = 3
_TIMEOUT = 60  # seconds without a byte
_PIECE = 1 << 20


def fetched(shard: str, cache: Path) -> Path:
    """The local copy of ``http(s)://...`` or of what the command after ``pipe:`` writes; made where there is none.

    The command runs in a shell: it is the user's own, never one that a file names. A copy gets its name only when it
    is complete. To fetch a shard again, remove its copy.

    Raises:
        BadSource: it cannot be had.
    """
    digest = hashlib.sha256(shard.encode()).hexdigest()[:16]
    target = cache / "shards" / f"{digest}-{_safe(name_of(shard))}"
    if target.exists():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    log.info("fetching %s", shard)
    try:
        if shard.startswith("pipe:"):
            _run(shard, part)
        else:
            _download(shard, part)
        os.replace(part, target)
    finally:
        part.unlink(missing_ok=True)
    return target


def _safe(name: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_." else "_" for letter in name)[-64:]


def _run(shard: str, part: Path) -> None:
    with part.open("wb") as file:
        done = subprocess.run(shard.removeprefix("pipe:"), shell=True, stdout=file, stderr=subprocess.PIPE, check=False)
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").strip()[-300:]
        raise BadSource(shard, [f"the command of {shard!r} ended with {done.returncode} ({said or 'no message'})"])


def _download(url: str, part: Path) -> None:
    for attempt in range(_TRIES):
        try:
            return _copy(url, part)
        except urllib.error.HTTPError as error:
            if error.code < 500:
                raise BadSource(url, [f"{url!r} cannot be had (HTTP {error.code}: {error.reason})"]) from error
            problem: Exception = error
        except OSError as error:  # URLError, a broken connection, a time-out, a short answer
            problem = error
        time.sleep(attempt)
    raise BadSource(url, [f"{url!r} cannot be had after {_TRIES} tries ({problem}); check the connection"]) from problem


def _copy(url: str, part: Path) -> None:
    with urllib.request.urlopen(url, timeout=_TIMEOUT) as answer, part.open("wb") as file:
        shutil.copyfileobj(answer, file, _PIECE)
        stated = answer.headers.get("Content-Length")
        if stated is not None and file.tell() != int(stated):
            raise OSError(f"{file.tell()} of {stated} bytes came")
