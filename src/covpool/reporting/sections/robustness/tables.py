"""The tables of robustness."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from covpool.reporting.numerals import NOTHING, count, interval, percent
from covpool.reporting.sections.parts import Found, cell, colour
from covpool.reporting.tables import Cell, Column, Table

Shade = Callable[[Cell], Cell]
_WHICH = (("standard_15", "15"), ("assembled_19", "19"))
_WHAT = (
    ("mean_error", "mean error", "mean top-1 error over corruptions and severities, unnormalised"),
    ("mce", "mCE", "mean corruption error: errors over AlexNet's"),
    ("relative_mce", "relative mCE", "what corruptions add to the clean error, over what they add to AlexNet's"),
)
_COUNTS = (("images", "images"), ("skipped", "skipped"))


def averages(found: Sequence[Found]) -> Table:
    """A row a network: clean error, every average under the name of what it averages, mFR; known columns only."""
    columns = [Column("network", "network", numeric=False), Column("clean_error", "clean error, %")]
    for which, many in _WHICH:
        columns += [Column(f"{what}_{which}", f"{title} ({many}), %", hint=hint) for what, title, hint in _WHAT]
    columns += [
        Column("against_mce", "mCE against", False, "with another network in AlexNet's place"),
        Column("against_relative_mce", "relative mCE against", False, "with another network in AlexNet's place"),
        Column("mfr_standard_10", "mFR (10), %", hint="mean flip rate over the standard ten perturbations"),
        *(Column(key, title) for key, title in _COUNTS),
    ]
    rows = [_averages(result) for result in found]
    known = [c for c in columns if c.key == "network" or any(row[c.key].value is not None for row in rows)]
    return Table(known, [[row[column.key] for column in known] for row in rows])


def _averages(result: Found) -> dict[str, Cell]:
    data = result.data
    cells = {"network": Cell(result.name, result.name)}
    cells["clean_error"] = cell(percent(data.get("clean_error")), result, "clean_error")
    for what, _, _ in _WHAT:
        for which, _ in _WHICH:
            key = f"{what}_{which}"
            value = data["averages"].get(key)
            shown = percent(value) if what == "mean_error" else _one(value)
            cells[key] = cell(shown, result, "averages", key) if key in data["averages"] else Cell("")
    for key in ("mce", "relative_mce"):
        cells[f"against_{key}"] = _against(result, key)
    known = data.get("sequences") or {}
    flips = known.get("mfr_standard_10")
    cells["mfr_standard_10"] = cell(_one(flips), result, "sequences", "mfr_standard_10") if known else Cell("")
    return cells | {key: cell(count(data[key]), result, key) if data.get(key) else Cell("") for key, _ in _COUNTS}


def _against(result: Found, key: str) -> Cell:
    found = result.data.get("against") or {}
    if found.get(key) is None:
        return Cell("")
    beside = f"{found.get('network') or 'the reference'}, {len(found['averages'])} corruptions"
    return cell(_one(found[key]), result, "against", key, detail=beside)


def corruptions(judged: Sequence[tuple[int, Found]]) -> tuple[Table, list[str]]:
    """Errors by corruption, network and severity, and the style of each row; networks stand below one another."""
    names = list(dict.fromkeys(name for _, result in judged for name in result.data["errors"]))
    levels = sorted({int(level) for _, r in judged for of in r.data["errors"].values() for level in of})
    several = len(judged) > 1
    columns = [Column("corruption", "corruption", numeric=False)]
    columns += [Column("network", "network", numeric=False)] if several else []
    columns += [
        Column(f"severity{level}", str(level), hint=f"error in percent at severity {level}") for level in levels
    ]
    columns += [Column("mean", "mean", hint="of the severities judged")]
    shade = _shading([e for _, result in judged for of in result.data["errors"].values() for e in of.values()])
    rows, styles = [], []
    for name in names:
        for place, result in judged:
            if name in result.data["errors"]:
                rows.append(_corruption(result, name, levels, shade, named=several))
                styles.append(colour(place))
    return Table(columns, rows), styles


def _corruption(result: Found, name: str, levels: Sequence[int], shade: Shade, *, named: bool) -> list[Cell]:
    of, at = result.data["errors"][name], list(map(str, levels))
    mean = sum(of.values()) / len(of)
    shown = [shade(cell(percent(of[s]), result, "errors", name, s)) if s in of else Cell("") for s in at]
    whole = shade(Cell(percent(mean), mean, origin=result.origin("errors", name)))
    return [Cell(spelled(name), name), *([Cell(result.name, result.name)] if named else []), *shown, whole]


def sequences(found: Sequence[Found]) -> Table | None:
    """A row a perturbation and network: flip probability, top-5 distance, videos."""
    judged = [result for result in found if result.data.get("sequences")]
    names = list(dict.fromkeys(name for result in judged for name in result.data["sequences"]["perturbations"]))
    columns = [Column("perturbation", "perturbation", numeric=False), Column("network", "network", numeric=False)]
    columns += [Column("flip", "flip, %"), Column("top5", "top-5 distance"), Column("videos", "videos")]
    rows = [
        _sequence(result, name)
        for name in names
        for result in judged
        if name in result.data["sequences"]["perturbations"]
    ]
    return Table(columns, rows) if rows else None


def _sequence(result: Found, name: str) -> list[Cell]:
    at, of = ("sequences", "perturbations", name), result.data["sequences"]["perturbations"][name]
    return [
        Cell(spelled(name), name),
        Cell(result.name, result.name),
        cell(percent(of["flip"]), result, *at, "flip"),
        cell(f"{of['top5']:.2f}", result, *at, "top5"),
        cell(count(of["videos"]), result, *at, "videos"),
    ]


def attacks(found: Sequence[Found]) -> Table | None:
    """A row a network and attack, a column an epsilon; the error without attack at epsilon 0."""
    judged = [result for result in found if result.data.get("attacks")]
    levels = sorted({e for result in judged for of in result.data["attacks"].values() for e in of}, key=float)
    columns = [Column("network", "network", numeric=False), Column("attack", "attack", numeric=False)]
    shade = _shading([0.0, 1.0])
    columns += [Column(f"epsilon{e}", e, hint=f"error in percent at epsilon {e}") for e in levels]
    rows = [
        _attack(result, name, levels, shade) for result in judged for name in result.data["attacks"] if name != "clean"
    ]
    return Table(columns, rows) if rows else None


def _attack(result: Found, name: str, levels: Sequence[str], shade: Shade) -> list[Cell]:
    known: Mapping[str, Any] = result.data["attacks"]
    clean, of = known.get("clean") or {}, known[name]
    cells = [Cell(result.name, result.name), Cell(name.upper(), name)]
    for level in levels:
        source = name if level in of else "clean" if level in clean else None
        cells.append(
            Cell("") if source is None else shade(cell(percent(known[source][level]), result, "attacks", source, level))
        )
    return cells


def shifted(found: Sequence[Found]) -> Table | None:
    """A row a folder and network: accuracy with its interval."""
    columns = [Column("pictures", "pictures", numeric=False), Column("network", "network", numeric=False)]
    columns += [Column("top1", "top-1, %", False, "with its 95 % interval"), Column("images", "images")]
    columns += [Column("classes", "classes"), Column("skipped", "skipped", hint="images that could not be read")]
    names = list(dict.fromkeys(name for result in found for name in result.data.get("shifted") or {}))
    rows = [_shift(r, name) for name in names for r in found if name in (r.data.get("shifted") or {})]
    return Table(columns, rows) if rows else None


def _shift(result: Found, name: str) -> list[Cell]:
    of = result.data["shifted"][name]
    top1 = cell(percent(of["top1"]), result, "shifted", name, "top1", detail=interval(*of["top1_interval"]))
    sizes = [cell(count(of[key]), result, "shifted", name, key) for key in ("images", "classes", "skipped")]
    return [Cell(name, name), Cell(result.name, result.name), top1, *sizes]


def spelled(name: str) -> str:
    """A corruption for readers.

    Example:
        >>> spelled("jpeg_compression")
        'jpeg compression'
    """
    return name.replace("_", " ")


def _shading(errors: Sequence[float]) -> Shade:
    """Cell -> the cell, coloured by where its error lies from the least to the largest."""
    low, span = min(errors), (max(errors) - min(errors)) or 1.0
    return lambda of: replace(of, share=(of.value - low) / span)


def _one(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.1f}"
