"""Every curve in one CSV file, a line a number: step, name, value. Spreadsheets and scripts need no reader of ours."""

from __future__ import annotations

import csv
from argparse import Namespace
from pathlib import Path
from typing import Any

from lightning_fabric.loggers import Logger

from covpool.training.run import whole_file

HEADER = ("step", "name", "value")


class CsvLogger(Logger):
    """Appends to ``path``; lines after ``first_step`` are those of a run that is resumed, and written again."""

    def __init__(self, path: Path, *, first_step: int = 0) -> None:
        self._path = path
        self._rewind(first_step)
        self._file = path.open("a", encoding="utf-8", newline="")
        self._lines = csv.writer(self._file, lineterminator="\n")

    @property
    def name(self) -> str:
        """The file's name."""
        return self._path.name

    @property
    def version(self) -> None:
        """There is one only."""
        return

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """A line a number."""
        self._lines.writerows((step, name, repr(value)) for name, value in metrics.items())
        self._file.flush()

    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """They are in recipe.yaml."""

    def finalize(self, status: str) -> None:
        """Close the file."""
        self._file.close()

    def _rewind(self, first_step: int) -> None:
        kept = [",".join(HEADER)]
        if self._path.exists():
            lines = self._path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)[1:]
            whole = [line.rstrip("\n") for line in lines if line.endswith("\n")]
            kept += [line for line in whole if _is_before(line, first_step)]
        with whole_file(self._path) as file:
            file.write(("\n".join(kept) + "\n").encode())


def _is_before(line: str, step: int) -> bool:
    """Whether a line is of that step or an earlier one; what a power cut left of a line is of none."""
    number = line.partition(",")[0]
    return number.isdecimal() and int(number) <= step
