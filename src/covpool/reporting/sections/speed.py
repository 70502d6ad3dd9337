"""Measurements of speed side by side: throughput and latency of each network, batch size and number format."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from covpool.reporting.drawing.plots import Line, curves
from covpool.reporting.numerals import count, short, three_digits
from covpool.reporting.sections.parts import Chart, Found, Legend, Listing, Section, cell, colour
from covpool.reporting.tables import Cell, Column, Table

_COLUMNS = (
    Column("result", "result", numeric=False),
    Column("name", "network", numeric=False),
    Column("precision", "precision", numeric=False),
    Column("batch_size", "batch"),
    Column("images_per_second", "images/s", False, "median, with its quartiles"),
    Column("p50", "p50, ms", hint="half of the batches took at most so long"),
    Column("p90", "p90, ms"),
    Column("p99", "p99, ms"),
    Column("peak_memory_mb", "MB", hint="peak memory of the tensors of a forward pass"),
    Column("flops", "FLOPs/image"),
    Column("parameters", "params"),
)


def section(found: Sequence[Found]) -> Section:
    """A row a measurement, and the throughput of each network over its batch sizes."""
    rows = [_row(result, place) for result in found for place in range(len(result.data["rows"]))]
    lines = _lines(found)
    parts: list[Any] = [Listing(Table(_COLUMNS, rows))]
    if lines:
        parts.append(Legend([(line.title, line.style) for line in lines]))
        parts.append(Chart("images a second", curves(lines, y_title="images a second", x_title="images a batch")))
    machines = {str((result.data.get("machine") or {}).get("cpu")) for result in found}
    warning = "These were measured on different machines. " if len(machines) > 1 else ""
    return Section("Speed", parts, f"{warning}Forward passes in eval mode, after a warm-up.")


def _row(result: Found, place: int) -> list[Cell]:
    row, at = result.data["rows"][place], ("rows", place)
    spread = row["images_per_second_spread"]
    beside = "" if spread is None else f"[{', '.join(map(three_digits, spread))}]"
    known = row["images_per_second"] is not None
    speed = cell(three_digits(row["images_per_second"]), result, *at, "images_per_second", detail=beside)
    named = row["latency_ms"] or {}
    return [
        Cell(result.name, result.name),
        cell(row["name"], result, *at, "name"),
        cell(row["precision"], result, *at, "precision"),
        cell(count(row["batch_size"]), result, *at, "batch_size"),
        speed if known else Cell("out of memory", None),
        *(cell(three_digits(named.get(p)), result, *at, "latency_ms", p) for p in ("p50", "p90", "p99")),
        cell(three_digits(row["peak_memory_mb"]), result, *at, "peak_memory_mb"),
        cell(short(row["flops"]), result, *at, "flops"),
        cell(short(row["parameters"]), result, *at, "parameters"),
    ]


def _lines(found: Sequence[Found]) -> list[Line]:
    """A line a network and number format that was measured at two batch sizes or more."""
    groups: dict[str, list[Any]] = {}
    for result in found:
        for row in result.data["rows"]:
            if row["images_per_second"] is not None:
                where = f"{result.name}: " if len(found) > 1 else ""
                groups.setdefault(f"{where}{row['name']}, {row['precision']}", []).append(row)
    long = {title: sorted(rows, key=lambda r: r["batch_size"]) for title, rows in groups.items() if len(rows) > 1}
    return [_line(title, rows, colour(place)) for place, (title, rows) in enumerate(long.items())]


def _line(title: str, rows: Sequence[Any], style: str) -> Line:
    spread = [row["images_per_second_spread"] for row in rows]
    return Line(
        [row["batch_size"] for row in rows],
        [row["images_per_second"] for row in rows],
        [low for low, _ in spread],
        [high for _, high in spread],
        title,
        style,
    )
