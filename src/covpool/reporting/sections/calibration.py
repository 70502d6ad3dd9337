"""Calibration results side by side: errors before and after the temperature, and reliability diagrams."""

from __future__ import annotations

from collections.abc import Sequence

from covpool.reporting.drawing.reliability import reliability
from covpool.reporting.numerals import percent, three_digits
from covpool.reporting.sections.parts import Chart, Found, Listing, Note, Section, cell, colour
from covpool.reporting.tables import Cell, Column, Table

_SCORES = (
    ("ece", "ECE, %", 100),
    ("adaptive_ece", "adaptive ECE, %", 100),
    ("classwise_ece", "class-wise ECE, %", 100),
    ("brier", "Brier", 1),
    ("nll", "NLL", 1),
)


def section(found: Sequence[Found]) -> Section:
    """Two rows a result, before and after, and a diagram of each."""
    columns = [Column("network", "network", numeric=False), Column("when", "softmax", numeric=False)]
    columns += [Column(name, title) for name, title, _ in _SCORES]
    columns += [Column("temperature", "temperature"), Column("judged", "images judged")]
    rows, charts = [], []
    for result in found:
        for when in ("before", "after"):
            rows.append(_row(result, when))
            scores = result.data[when]
            title = f"{result.name}, {when}: ECE {percent(scores['ece'], 2)} %"
            charts.append(Chart(title, reliability(scores["reliability"], title)))
    note = (
        "Each bar is the share of right answers (0 to 1) among the images of that confidence; on the diagonal a "
        "network is right as often as it says. Red above a bar: surer than right. Pale blue at its top: right more "
        "often than sure. The temperature was fitted on other images than those judged here."
    )
    styles = [colour(place // 2) for place in range(len(rows))]
    return Section("Calibration", [Listing(Table(columns, rows), styles), Note(note), *charts])


def _row(result: Found, when: str) -> list[Cell]:
    numbers = []
    for name, _, factor in _SCORES:
        value = result.data[when][name]
        text = percent(value, 2) if factor == 100 else three_digits(value)
        numbers.append(cell(text, result, when, name))
    temperature = (
        cell(f"{result.data['temperature']:.3f}", result, "temperature") if when == "after" else Cell("1", 1.0)
    )
    judged = cell(str(result.data["judged_images"]), result, "judged_images")
    return [Cell(result.name, result.name), Cell(when, when), *numbers, temperature, judged]
