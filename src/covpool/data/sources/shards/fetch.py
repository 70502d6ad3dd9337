"""One shard from elsewhere into one file: http(s), what a command writes, any protocol of fsspec.

Own code for what fsspec's caches and WebDataset's do not promise together: a copy that is complete or absent, checked
against the size that the remote states, within a bound of disk, for any number of processes. The protocols are
fsspec's; http(s) goes by the standard library, so that it needs no further package.
"""

from __future__ import annotations

import http.client
import logging
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from covpool.data.errors import BadSource
from covpool.data.sources.shards.patterns import COMMAND, is_command

log = logging.getLogger("covpool")
_WAITS = (0.5, 1.0, 2.0, 4.0)  # seconds between tries
_TIMEOUT = 60  # seconds without a byte, http(s); other protocols have their own
_PIECE = 1 << 20
_BLOCK = 1 << 23  # what fsspec reads at once
_MAY_PASS = (408, 425, 429)  # answers below 500 that ask to come again
_NOT_THERE = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError)


class Abandoned(Exception):
    """Nobody waits for this copy any more."""


class _NeverMind(Exception):
    """Another try would end the same; the message says why."""


def copy_to(shard: str, part: Path, reserve: Callable[[int | None], None], stop: threading.Event | None = None) -> None:
    """Write ``shard`` into the file ``part``, with as many tries as it takes, at most five.

    Args:
        shard: a URL, or a command after ``pipe:``. The command runs in a shell: it is the user's own, never one that
            a file names.
        part: the file; what is in it after an error is of no use.
        reserve: told the size that is coming (None: not known) before each try; it may wait, and makes ``part``.
        stop: set by another thread to end it.

    Raises:
        BadSource: it cannot be had, or not be written.
        Abandoned: ``stop`` was set.
    """
    tries = 1 + len(_WAITS)
    problem: Exception | None = None
    for wait in (*_WAITS, None):
        try:
            return _attempt(shard, part, reserve, stop)
        except (BadSource, Abandoned):
            raise
        except _NeverMind as error:
            raise BadSource(shard, [f"{shard!r} cannot be had ({error})"]) from error
        except Exception as error:  # every protocol has errors of its own
            problem = error
        if wait is not None:
            log.info("%s: %s; again in %g s", shard, _said(problem), wait)
            time.sleep(wait)
    sentence = f"{shard!r} cannot be had after {tries} tries ({_said(problem)}); check the connection"
    raise BadSource(shard, [sentence]) from problem


def _attempt(shard: str, part: Path, reserve: Callable[[int | None], None], stop: threading.Event | None) -> None:
    with _opened(shard) as (stream, size):
        reserve(size)
        written = _pour(stream, part, stop)
    if size is not None and written != size:
        raise OSError(f"{written} of {size} bytes came")


def _pour(stream: BinaryIO, part: Path, stop: threading.Event | None) -> int:
    """Bytes written; a disk that refuses them is no fault of the connection."""
    with part.open("r+b") as file:
        while piece := stream.read(_PIECE):
            if stop is not None and stop.is_set():
                raise Abandoned
            try:
                file.write(piece)
            except OSError as error:
                remedy = "name a folder with more room (#cache=DIR), or give the copies a limit (#limit=SIZE)"
                raise BadSource(str(part), [f"cannot write {str(part)!r} ({error.strerror}); {remedy}"]) from error
        return file.tell()


def _said(problem: Exception | None) -> str:
    return " ".join(str(problem).split()) or type(problem).__name__


def _opened(shard: str) -> AbstractContextManager[tuple[Any, int | None]]:
    """A stream of the shard, and its size where that is known."""
    if is_command(shard):
        return _command(shard)
    return _web(shard) if shard.startswith(("http://", "https://")) else _protocol(shard)


@contextmanager
def _web(url: str) -> Iterator[tuple[Any, int | None]]:
    try:
        answer = urllib.request.urlopen(url, timeout=_TIMEOUT)
    except urllib.error.HTTPError as error:
        error.close()  # it is an answer, with a connection
        if error.code < 500 and error.code not in _MAY_PASS:
            raise _NeverMind(f"HTTP {error.code}: {error.reason}") from error
        raise
    with answer:
        stated = answer.headers.get("Content-Length", "")
        try:
            yield answer, int(stated) if stated.isdecimal() else None
        except http.client.IncompleteRead as error:
            raise OSError(f"the connection ended {error.expected} bytes too early") from error


@contextmanager
def _command(shard: str) -> Iterator[tuple[Any, int | None]]:
    with tempfile.TemporaryFile() as errors:
        words = shard.removeprefix(COMMAND)
        with subprocess.Popen(words, shell=True, stdout=subprocess.PIPE, stderr=errors) as process:
            try:
                yield process.stdout, None
            except BaseException:
                process.kill()
                raise
        if process.returncode:
            errors.seek(max(0, errors.tell() - 300))
            said = errors.read().decode("utf-8", "replace").strip()
            sentence = f"the command of {shard!r} ended with {process.returncode} ({said or 'no message'})"
            raise BadSource(shard, [sentence])


@contextmanager
def _protocol(url: str) -> Iterator[tuple[Any, int | None]]:
    files, path = _file_system(url)
    try:
        size = files.info(path).get("size")
        stream = files.open(path, "rb", block_size=_BLOCK)
    except _NOT_THERE as error:
        raise _NeverMind(f"{type(error).__name__}: {_said(error)}") from error
    except Exception:
        files.invalidate_cache()
        raise
    with stream:
        yield stream, size if isinstance(size, int) else None


def _file_system(url: str) -> tuple[Any, str]:
    """fsspec's file system of the URL, made in this process: they do not outlive a fork."""
    try:
        from fsspec.core import url_to_fs
    except ImportError as error:
        raise _NeverMind('it needs fsspec: pip install "covpool[cloud]"') from error
    try:
        return url_to_fs(url)
    except ImportError as error:
        raise _NeverMind(f"fsspec needs another package for it: {_said(error)}") from error
    except ValueError as error:
        raise _NeverMind(_said(error)) from error
