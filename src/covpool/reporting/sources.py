"""The files that the numbers of a report stand in."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote


@dataclass(frozen=True)
class Source:
    """One file: its anchor on the page, its name as given, the way to it from the page, and its SHA-256.

    ``href`` is relative, so that the page and its results may move together; empty where there is no such way.
    """

    anchor: str
    file: str
    href: str
    sha256: str


def sources(files: Iterable[str], page: str | Path | None = None) -> list[Source]:
    """The sources behind a page at ``page`` (None: in the working folder), each file once."""
    folder = Path(page).resolve().parent if page is not None else Path.cwd()
    known = [file for file in dict.fromkeys(files) if file and Path(file).is_file()]
    return [
        Source(f"source-{number}", file, _way(Path(file), folder), hashlib.sha256(Path(file).read_bytes()).hexdigest())
        for number, file in enumerate(known, 1)
    ]


def _way(file: Path, folder: Path) -> str:
    try:
        relative = os.path.relpath(file.resolve(), folder)
    except ValueError:  # another drive
        return ""
    return quote(Path(relative).as_posix())
