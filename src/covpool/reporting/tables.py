"""Tables of results, laid out once and written as plain text, Markdown or CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from covpool.foreign_text import cell as for_spreadsheets
from covpool.reporting.numerals import count, duration, interval, percent, points, short, three_digits


@dataclass(frozen=True)
class Cell:
    """What is shown, the number behind it (for sorting and for the CSV), and what stands beside it.

    ``origin`` says where the number stands, as ``file#/json/pointer``; the page shows it on hover and focus.
    ``share`` colours the cell on the page, from 0 (not at all) to 1.
    """

    text: str
    value: Any = None
    detail: str = ""
    verdict: str = ""
    origin: str = ""
    share: float | None = None

    @property
    def full(self) -> str:
        """All that is shown, in one line."""
        return " ".join(filter(None, (self.text, self.detail, self.verdict)))


@dataclass(frozen=True)
class Column:
    """A column: its key in a CSV, its heading, and what the numbers are."""

    key: str
    title: str
    numeric: bool = True
    hint: str = ""


@dataclass(frozen=True)
class Table:
    """Columns and rows of cells."""

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]

    def to_text(self) -> str:
        """Aligned plain text for a terminal."""
        lines = [[column.title for column in self.columns], *([cell.full for cell in row] for row in self.rows)]
        widths = [max(len(line[i]) for line in lines) for i in range(len(self.columns))]
        rule = "  ".join("-" * width for width in widths)
        head, *body = ["  ".join(self._align(line, widths)).rstrip() for line in lines]
        return "\n".join([head, rule, *body]) + "\n"

    def to_markdown(self) -> str:
        """A GitHub table."""
        head = [_escape(column.title) for column in self.columns]
        rule = ["---:" if column.numeric else "---" for column in self.columns]
        body = [[_escape(cell.full) for cell in row] for row in self.rows]
        return "".join(f"| {' | '.join(line)} |\n" for line in (head, rule, *body))

    def to_csv(self) -> str:
        """Comma-separated values: plain numbers under short names, texts such that a spreadsheet runs none."""
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\n")
        writer.writerow([column.key for column in self.columns])
        writer.writerows([[for_spreadsheets(cell.value) for cell in row] for row in self.rows])
        return out.getvalue()

    def _align(self, line: Sequence[str], widths: Sequence[int]) -> list[str]:
        pairs = zip(line, widths, self.columns, strict=True)
        return [text.rjust(width) if column.numeric else text.ljust(width) for text, width, column in pairs]


def row_name(row: Mapping[str, Any]) -> str:
    """The name of a row of a comparison inside its group: the pool, or the control of a pool."""
    return f"{row['pool']} (control)" if row["role"] == "control" else str(row["pool"])


def group_name(row: Mapping[str, Any]) -> str:
    """What rows of a comparison share: the backbone, and the stage where there is one."""
    return f"{row['backbone']} \N{MIDDLE DOT} {row['stage']}" if row.get("stage") else str(row["backbone"])


_COMPARE = (
    Column("backbone", "backbone", numeric=False),
    Column("stage", "stage", numeric=False),
    Column("pool", "pool", numeric=False),
    Column("accuracy", "accuracy %", False, "mean over the seeds, with its interval"),
    Column("difference", "to avg", False, "paired difference to average pooling in points, with its interval"),
    Column("difference_to_control", "to control", False, "the same to the width-matched first-order control"),
    Column("out_features", "features", hint="length of the pooled vector"),
    Column("parameters", "params", hint="parameters of the whole network"),
    Column("flops", "FLOPs", hint="floating-point operations for one image"),
    Column("ms_per_image", "ms/image", hint="forward pass on the machine named below, median"),
    Column("pooling_ms_per_image", "of it pooling", hint="milliseconds of the pool alone, with its projection"),
    Column("peak_memory_mb", "MB", hint="peak memory of the forward pass"),
    Column("effective_rank", "rank", hint="mean effective rank of the pooled covariance"),
    Column("train_seconds", "training", hint="time to train one seed"),
)
_SPREAD = ("accuracy", "difference", "difference_to_control")


def compare_table(results: Mapping[str, Any], *, leave_out: Iterable[str] = (), file: str = "") -> Table:
    """The rows of a comparison; columns in which nothing is known, and those of ``leave_out``, are left out.

    ``file`` is where the results stand; the cells then say at which key of it.
    """
    rows = [_with_origins(_compare_cells(row), place, file) for place, row in enumerate(results["rows"])]
    hidden = set(leave_out)
    columns = [c for c in _COMPARE if c.key not in hidden and any(row[c.key].value is not None for row in rows)]
    return Table(columns, [[row[column.key] for column in columns] for row in rows])


def compare_csv(results: Mapping[str, Any]) -> str:
    """The rows of a comparison as CSV, intervals and verdicts in columns of their own."""
    table = Table([column for c in _COMPARE for column in _csv_columns(c.key)], _csv_rows(results))
    return table.to_csv()


def _csv_columns(key: str) -> list[Column]:
    names = [key]
    if key in _SPREAD:
        names += [f"{key}_low", f"{key}_high"]
    if key in _SPREAD[1:]:
        names.append(f"{key}_verdict")
    return [Column(name, name) for name in names]


def _csv_rows(results: Mapping[str, Any]) -> list[list[Cell]]:
    return [
        [cell for c in _COMPARE for cell in _csv_cells(row, c.key, _compare_cells(row)[c.key])]
        for row in results["rows"]
    ]


def _csv_cells(row: Mapping[str, Any], key: str, cell: Cell) -> list[Cell]:
    known = row.get(key) or {}
    cells = [cell]
    if key in _SPREAD:
        cells += [Cell("", known.get("low")), Cell("", known.get("high"))]
    if key in _SPREAD[1:]:
        cells.append(Cell("", known.get("verdict")))
    return cells


_UNDER = {"accuracy": "accuracy/mean", "difference": "difference/mean"}
_UNDER |= {"difference_to_control": "difference_to_control/mean"}
_UNDER |= {key: key for key in ("out_features", "effective_rank")}
_UNDER |= {
    key: f"cost/{key}"
    for key in ("parameters", "flops", "ms_per_image", "pooling_ms_per_image", "peak_memory_mb", "train_seconds")
}


def _with_origins(cells: dict[str, Cell], place: int, file: str) -> dict[str, Cell]:
    """The cells with where their numbers stand, as ``file#/json/pointer``."""
    if not file:
        return cells
    return {
        key: replace(cell, origin=f"{file}#/rows/{place}/{_UNDER[key]}") if key in _UNDER else cell
        for key, cell in cells.items()
    }


def _compare_cells(row: Mapping[str, Any]) -> dict[str, Cell]:
    accuracy, cost = row["accuracy"], row.get("cost") or {}
    spread = interval(accuracy.get("low"), accuracy.get("high"))
    return {
        "backbone": Cell(row["backbone"], row["backbone"]),
        "stage": Cell(row.get("stage") or "", row.get("stage")),
        "pool": Cell(row_name(row), row_name(row)),
        "accuracy": Cell(percent(accuracy["mean"]), accuracy["mean"], spread),
        "difference": _difference(row.get("difference")),
        "difference_to_control": _difference(row.get("difference_to_control")),
        "out_features": Cell(count(row["out_features"]), row["out_features"]),
        "parameters": Cell(short(cost.get("parameters")), cost.get("parameters")),
        "flops": Cell(short(cost.get("flops")), cost.get("flops")),
        "ms_per_image": Cell(three_digits(cost.get("ms_per_image")), cost.get("ms_per_image")),
        "peak_memory_mb": Cell(three_digits(cost.get("peak_memory_mb")), cost.get("peak_memory_mb")),
        "pooling_ms_per_image": Cell(three_digits(cost.get("pooling_ms_per_image")), cost.get("pooling_ms_per_image")),
        "effective_rank": Cell(three_digits(row.get("effective_rank")), row.get("effective_rank")),
        "train_seconds": Cell(duration(cost.get("train_seconds")), cost.get("train_seconds")),
    }


def _difference(found: Mapping[str, Any] | None) -> Cell:
    if not found:
        return Cell("")
    spread = interval(found.get("low"), found.get("high"), signed=True)
    return Cell(points(found["mean"]), found["mean"], spread, found.get("verdict", ""))


_SPELLED = {"<": "&lt;", ">": "&gt;", "&": "&amp;", "\n": " ", **{sign: f"\\{sign}" for sign in "\\|*_`[]"}}


def _escape(text: str) -> str:
    """A cell of Markdown: pipes and line breaks would end it, angle brackets would be HTML."""
    return "".join(_SPELLED.get(sign, sign) for sign in text)
