"""Sweeps: every trial with its values, which fields mattered, and the trials' curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from covpool.reporting.drawing.plots import Line, curves
from covpool.reporting.numerals import count, duration, percent
from covpool.reporting.sections.parts import Chart, Found, Heading, Legend, Listing, Note, Part, Section, cell, colour
from covpool.reporting.tables import Cell, Column, Table

_CURVES = 8  # as many as there are colours


def section(found: Sequence[Found]) -> Section:
    """A table a sweep, best trial first, and the curves of its best trials."""
    parts: list[Part] = []
    for result in found:
        parts += [Heading(result.name)] * (len(found) > 1) + _parts(result)
    title = f"Sweep {found[0].name}" if len(found) == 1 else "Sweeps"
    return Section(title, parts, "The best of many trials is partly lucky: its value is a little too good.")


def _parts(result: Found) -> list[Part]:
    data = result.data
    order = sorted(range(len(data["trials"])), key=lambda place: _rank(data, data["trials"][place]))
    shown = [place for place in order if len(data["trials"][place]["by_epoch"]) > 1][:_CURVES]
    styles = {place: colour(number) for number, place in enumerate(shown)}
    fields = list(data["space"])
    columns = [Column("trial", "trial"), Column("value", data["metric"]), Column("state", "state", numeric=False)]
    columns += [Column(field, field, numeric=False) for field in fields]
    columns += [Column("epochs", "epochs"), Column("seconds", "time"), Column("reason", "why it ended", numeric=False)]
    rows = [_row(result, place, fields) for place in order]
    parts: list[Part] = [Listing(Table(columns, rows), [styles.get(place, "") for place in order])]
    if data["importances"]:
        said = ", ".join(f"{field} {percent(part, 0)} %" for field, part in data["importances"].items())
        parts.append(Note(f"Part of the differences between the finished trials that each field explains: {said}."))
    if shown:
        lines = [_line(data, place, styles[place]) for place in shown]
        parts.append(Legend([(line.title, line.style) for line in lines]))
        parts.append(Chart(f"validation {data['metric']}", curves(lines, y_title=f"validation {data['metric']}")))
    return parts


def _rank(data: Any, trial: Any) -> tuple[bool, float, int]:
    sign = 1 if data["direction"] == "minimize" else -1
    known = trial["state"] == "finished" and trial["value"] is not None
    return not known, sign * (trial["value"] or 0.0), trial["trial"]


def _row(result: Found, place: int, fields: Sequence[str]) -> list[Cell]:
    trial, at = result.data["trials"][place], ("trials", place)
    value = "" if trial["value"] is None else f"{trial['value']:.4f}"
    return [
        cell(str(trial["trial"]), result, *at, "trial"),
        cell(value, result, *at, "value"),
        cell(trial["state"], result, *at, "state"),
        *(_value(result, place, field) for field in fields),
        cell(count(trial["epochs"]), result, *at, "epochs"),
        cell(duration(trial["seconds"]), result, *at, "seconds"),
        cell(trial["reason"], result, *at, "reason"),
    ]


def _value(result: Found, place: int, field: str) -> Cell:
    values = result.data["trials"][place]["values"]
    if field not in values:
        return Cell("")
    value = values[field]
    text = f"{value:.3g}" if isinstance(value, float) else str(value)
    return cell(text, result, "trials", place, "values", field)


def _line(data: Any, place: int, style: str) -> Line:
    trial = data["trials"][place]
    epochs, values = zip(*trial["by_epoch"], strict=True)
    return Line(epochs, values, values, values, f"trial {trial['trial']}", style)
