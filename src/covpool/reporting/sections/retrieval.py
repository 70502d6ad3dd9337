"""Retrieval results side by side: recall@k, MAP@R, R-precision and mAP."""

from __future__ import annotations

from collections.abc import Sequence

from covpool.reporting.numerals import count, interval, percent
from covpool.reporting.sections.parts import Found, Listing, Note, Section, cell, colour
from covpool.reporting.tables import Cell, Column, Table

_MEANS = (("map_at_r", "MAP@R"), ("r_precision", "R-precision"), ("mean_average_precision", "mAP"))


def section(found: Sequence[Found]) -> Section:
    """A row a result, with the k that any of them has."""
    ks = sorted({int(k) for result in found for k in result.data["recall"]})
    columns = [Column("vectors", "vectors", numeric=False), Column("metric", "metric", numeric=False)]
    columns += [Column(f"recall{k}", f"recall@{k}, %") for k in ks]
    columns += [Column(name, f"{title}, %") for name, title in _MEANS]
    columns += [Column("queries", "queries"), Column("gallery", "searched")]
    rows = [_row(result, ks) for result in found]
    notes = [
        f"{result.name}: {count(result.data['unmatched'])} queries have no other picture of their class and "
        + ("count as misses." if result.data["unmatched_count_as"] == "miss" else "are left out.")
        for result in found
        if result.data["unmatched"]
    ]
    parts = [Listing(Table(columns, rows), [colour(place) for place in range(len(rows))]), *map(Note, notes)]
    return Section("Retrieval", parts)


def _row(result: Found, ks: Sequence[int]) -> list[Cell]:
    recall, intervals = result.data["recall"], result.data["recall_interval"]
    rates = [
        cell(percent(recall[str(k)], 2), result, "recall", str(k), detail=interval(*intervals[str(k)]))
        if str(k) in recall
        else Cell("")
        for k in ks
    ]
    means = [cell(percent(result.data[name], 2), result, name) for name, _ in _MEANS]
    sizes = [cell(count(result.data[name]), result, name) for name in ("queries", "gallery")]
    return [Cell(result.name, result.name), Cell(result.data["metric"], result.data["metric"]), *rates, *means, *sizes]
