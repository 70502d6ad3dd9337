"""The folder in which a preparation is at work: locked, continued after a kill, renamed when all is done."""

from __future__ import annotations

import json
import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from covpool.data.errors import BadSource
from covpool.data.prepare.parts import Record, write_whole
from covpool.data.prepare.plan import Part

if sys.platform != "win32":
    import fcntl

ABOUT = "dataset.json"
_PLAN, _LOCK = "plan.json", "lock"


class WorkFolder:
    """``<out>.partial`` until ``finish`` gives it its name.

    Raises:
        BadSource: another process is at it, or it holds an unfinished preparation of something else.
    """

    def __init__(self, out: Path, facts: Mapping[str, Any]) -> None:
        self.out, self.facts = out, dict(facts)
        self.folder = out.with_name(f"{out.name}.partial")
        self._lock: TextIO | None = None

    def __enter__(self) -> WorkFolder:
        self.folder.mkdir(parents=True, exist_ok=True)
        self._lock = (self.folder / _LOCK).open("w")
        try:
            self._take_over(self._lock)
        except BaseException:
            self._lock.close()
            raise
        return self

    def _take_over(self, lock: TextIO) -> None:
        self._take_lock(lock)
        begun = self._begun()
        if begun is None:
            write_whole(self.folder / _PLAN, json.dumps(self.facts, indent=1))
        elif begun != self.facts:
            sentence = (
                f"{str(self.folder)!r} is an unfinished preparation of other pictures or with other options; "
                "give the same ones to go on with it, or remove it"
            )
            raise BadSource(str(self.folder), [sentence])
        for stale in filter(_is_beside, list(self.folder.iterdir())):
            stale.unlink(missing_ok=True)

    def _begun(self) -> dict[str, Any] | None:
        """The facts of the work that lies here; None where none was begun."""
        if (self.folder / _PLAN).exists():
            return json.loads((self.folder / _PLAN).read_text())
        if any(path.name != _LOCK and not _is_beside(path) for path in self.folder.iterdir()):
            return (self.complete() or {}).get("plan", {})
        return None

    def complete(self) -> dict[str, Any] | None:
        """What ``dataset.json`` says, where only the renaming is left."""
        return finished(self.folder)

    def _take_lock(self, file: TextIO) -> None:
        if sys.platform == "win32":
            return
        try:
            fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # ends with this process, and workers do not inherit it
        except OSError as error:
            raise BadSource(
                str(self.folder), [f"another process is preparing {str(self.out)!r}; wait for it"]
            ) from error

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._lock is not None:
            self._lock.close()

    def done(self, parts: list[Part]) -> dict[str, Record]:
        """The records of the parts that are complete, by name."""
        records = {}
        for part in parts:
            note, file = self.folder / f"{part.name}.json", self.folder / part.name
            if note.exists() and file.exists():
                record = json.loads(note.read_text())
                if file.stat().st_size == record["bytes"]:
                    records[part.name] = record
        return records

    def finish(self, about: Mapping[str, Any], parts: list[Part]) -> None:
        """Write ``dataset.json``, take the notes of the work away, and give the folder its name."""
        write_whole(self.folder / ABOUT, json.dumps(about, indent=1) + "\n")
        for name in [*(f"{part.name}.json" for part in parts), _PLAN, _LOCK]:
            (self.folder / name).unlink(missing_ok=True)
        os.replace(self.folder, self.out)

    def drop(self) -> None:
        """Remove the work: its outcome lies elsewhere."""
        for path in self.folder.iterdir():
            if path.name != _PLAN:
                path.unlink()
        shutil.rmtree(self.folder)


def clear_up(out: Path, facts: Mapping[str, Any]) -> None:
    """Remove the work of a preparation that was killed while it did so itself, after its outcome got its name.

    Its plan says whose it is; the plan is the last file to go.
    """
    folder = out.with_name(f"{out.name}.partial")
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
    try:
        is_ours = json.loads((folder / _PLAN).read_text()) == facts
    except (OSError, ValueError):
        return
    if is_ours:
        with WorkFolder(out, facts) as work:
            work.drop()


def _is_beside(path: Path) -> bool:
    """Whether a kill left it: a file that was written beside the one it was to become."""
    return path.name.startswith(".") and path.suffix == ".tmp"


def finished(out: Path) -> dict[str, Any] | None:
    """What ``dataset.json`` of a complete preparation says; None where there is none."""
    try:
        found = json.loads((out / ABOUT).read_text())
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
