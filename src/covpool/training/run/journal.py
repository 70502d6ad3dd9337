"""The run's diary: one JSON line an event, and a table of epochs."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from covpool.evaluation.writing.as_csv import as_csv
from covpool.training.run.writing import NotWritten, whole_file

log = logging.getLogger("covpool")

# timm's columns first, so that scripts that read its summary.csv find them; then ours
COLUMNS = ("epoch", "train_loss", "eval_loss", "eval_top1", "eval_top5", "lr", "train_top1", "step", "seconds")
# events of a stretch that a resumed run goes through again
_PASSING = ("step", "evaluation", "epoch", "checkpoint", "end")


class Journal:
    """Writes events as they happen. Rates are in 0..1."""

    def __init__(self, path: Path) -> None:
        self._path, self._is_kept = path, path != Path(os.devnull)
        self._file = path.open("a", encoding="utf-8")

    def write(self, event: Mapping[str, Any]) -> None:
        """Append one event and hand it to the operating system."""
        with self._named():
            self._file.write(json.dumps(_finite(event), allow_nan=False) + "\n")
            self._file.flush()

    def size(self) -> int:
        """Bytes written so far, on the disk whatever happens to the power: where a resumed run takes up the diary."""
        if self._is_kept:
            with self._named():
                os.fsync(self._file.fileno())
        return os.fstat(self._file.fileno()).st_size

    def close(self) -> None:
        """Close the file; what it would not take was told when it was written."""
        with suppress(OSError):
            self._file.close()

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise NotWritten(self._path, error.strerror or str(error), "the run ends here") from error


def rewind_journal(path: Path, size: int) -> None:
    """Take out the steps and epochs after the first ``size`` bytes: the resumed run writes them again.

    What else happened there, an interruption for one, stays; a line cut in half by a kill goes. So do lines that
    cannot be read before that, and a note tells.
    """
    data = path.read_bytes() if path.exists() else b""
    lines = data[:size].splitlines(keepends=True)
    sound = [line for line in lines if _kind(line)]
    if len(data) < size or len(sound) < len(lines):
        log.warning("%s has lost events from before the checkpoint; the run goes on, its curves have a gap there", path)
    later = [line for line in data[size:].splitlines(keepends=True) if _kind(line) not in ("", *_PASSING)]
    with whole_file(path) as file:
        file.write(b"".join([*sound, *later]))


def _kind(line: bytes) -> str:
    """Of the event in a whole line; nothing where it holds none."""
    try:
        return str(json.loads(line)["event"]) if line.endswith(b"\n") else ""
    except (ValueError, KeyError, TypeError):
        return ""


def read_journal(path: str | Path) -> list[dict[str, Any]]:
    """The events of a run in their order.

    A run that is at work, or was killed, may have half a line at the end; it is left out.
    """
    lines = Path(path).read_text(encoding="utf-8").splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]


def write_summary(path: Path, history: Iterable[Mapping[str, Any]]) -> None:
    """Write the epochs as CSV, whole or not at all."""
    with whole_file(path) as file:
        file.write(as_csv([COLUMNS, *([row.get(name) for name in COLUMNS] for row in history)]))


def _finite(event: Mapping[str, Any]) -> dict[str, Any]:
    """NaN and infinity become null, because they are no JSON."""
    return {
        key: None if isinstance(value, float) and not abs(value) < float("inf") else value
        for key, value in event.items()
    }
