"""The run's diary: one JSON line an event, and a table of epochs."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from covpool.evaluation.writing.as_csv import as_csv
from covpool.training.run.writing import NotWritten, whole_file

# timm's columns first, so that scripts that read its summary.csv find them; then ours
COLUMNS = ("epoch", "train_loss", "eval_loss", "eval_top1", "eval_top5", "lr", "train_top1", "step", "seconds")
# events of a stretch that a resumed run goes through again
_PASSING = ("step", "evaluation", "epoch", "checkpoint", "end")


class Journal:
    """Writes events as they happen. Rates are in 0..1."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("a", encoding="utf-8")

    def write(self, event: Mapping[str, Any]) -> None:
        """Append one event and hand it to the operating system."""
        try:
            self._file.write(json.dumps(_finite(event), allow_nan=False) + "\n")
            self._file.flush()
        except OSError as error:
            raise NotWritten(self._path, error.strerror or str(error), "the run ends here") from error

    def size(self) -> int:
        """Bytes written so far: where a resumed run takes up the diary."""
        self._file.flush()
        return os.fstat(self._file.fileno()).st_size

    def close(self) -> None:
        """Flush and close the file."""
        self._file.close()


def rewind_journal(path: Path, size: int) -> None:
    """Take out the steps and epochs after the first ``size`` bytes: the resumed run writes them again.

    What else happened there, an interruption for one, stays; a line cut in half by a kill goes.
    """
    if not path.exists():
        return
    data = path.read_bytes()
    kept = [line for line in data[size:].splitlines(keepends=True) if _stays(line)]
    with whole_file(path) as file:
        file.write(data[:size] + b"".join(kept))


def _stays(line: bytes) -> bool:
    try:
        return line.endswith(b"\n") and json.loads(line)["event"] not in _PASSING
    except ValueError:
        return False


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
