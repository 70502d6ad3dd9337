"""What the page shows of one comparison: everything computed here, so that the template only lays it out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import groupby
from statistics import fmean
from typing import Any

from covpool.reporting.drawing.axes import Scale
from covpool.reporting.drawing.plots import Line, Point, axis_below, curves, scatter, whisker
from covpool.reporting.numerals import count, duration, interval, percent, three_digits
from covpool.reporting.sections import confusion
from covpool.reporting.tables import compare_table, group_name, row_name

_SHAPES = ("circle", "square", "diamond", "triangle")
_COLOURS = 8
_SETTINGS = {"pca": "channels kept by PCA", "pretrained": "pretrained weights", "weights": "weights come from"}
_COSTS = (("ms_per_image", "ms per image"), ("flops", "FLOPs per image"), ("parameters", "parameters"))


def comparison(results: Mapping[str, Any], file: str = "") -> dict[str, Any]:
    """The template's view of a result of ``covpool compare``, read from ``file``."""
    rows, styles = results["rows"], _styles(results["rows"])
    groups = [(name, list(members)) for name, members in groupby(rows, key=group_name)]
    return {
        "title": f"Pooling compared on {results['data']['source']}",
        "lead": _lead(results),
        "advice": re.split(r"(?<=\.)\s+(?=[A-Z])", results.get("advice") or "", maxsplit=1),
        "table": _table(results, groups, styles, file),
        "legend": [(name, style) for name, style in _legend(rows, styles)],
        "shapes": list(zip((name for name, _ in groups), _SHAPES, strict=False)) if len(groups) > 1 else [],
        "dots": _dots(groups, styles),
        "costs": _costs(groups, styles),
        "curves": [chart for name, members in groups for chart in _curves(name, members, styles)],
        "details": [_details(name, members, results, _best(rows) in members, file) for name, members in groups],
        "method": next((r["accuracy"].get("method") for r in rows if r["accuracy"].get("method")), ""),
        "has_controls": any(row["role"] == "control" for row in rows),
        "facts": _facts(results),
        "chosen": [(row["id"], as_text(row["chosen"])) for row in rows if row.get("chosen")],
    }


def _styles(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Row id -> CSS classes: a colour for each pool, grey for the baseline, hollow for a control."""
    others = dict.fromkeys(row["pool"] for row in rows if row["role"] != "baseline")
    colours = {pool: f"s{1 + i % _COLOURS}" for i, pool in enumerate(others)}
    return {
        row["id"]: "s0" if row["role"] == "baseline" else colours[row["pool"]] + " control" * (row["role"] == "control")
        for row in rows
    }


def _legend(rows: Sequence[Mapping[str, Any]], styles: Mapping[str, str]) -> list[tuple[str, str]]:
    return list({row_name(row): styles[row["id"]] for row in rows}.items())


def _lead(results: Mapping[str, Any]) -> str:
    data, settings = results["data"], results["settings"]
    how = (
        "features of a frozen backbone, linear classifiers"
        if results["mode"] == "frozen"
        else f"networks trained end to end for {settings.get('epochs')} epochs"
    )
    seeds = len(settings["seeds"])
    return (
        f"{len(results['rows'])} rows, {how}, {seeds} seed{'s' * (seeds != 1)} each; "
        f"{count(data['train_images'])} training and {count(data['val_images'])} validation images "
        f"of {len(data['classes'])} classes."
    )


def _table(results: Mapping[str, Any], groups: Sequence[Any], styles: Mapping[str, str], file: str) -> dict[str, Any]:
    table = compare_table(results, leave_out=("backbone", "stage"), file=file)
    cells = dict(zip((row["id"] for row in results["rows"]), table.rows, strict=True))
    bodies = [
        {
            "name": name if len(groups) > 1 else "",
            "rows": [(styles[row["id"]], row["id"] == _best(members)["id"], cells[row["id"]]) for row in members],
        }
        for name, members in groups
    ]
    return {"columns": table.columns, "bodies": bodies}


def _best(members: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The most accurate row of a group that is no control."""
    candidates = [row for row in members if row["role"] != "control"] or members
    return max(candidates, key=lambda row: row["accuracy"]["mean"])


def _baseline(members: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    return next((row for row in members if row["role"] == "baseline"), None)


def _dots(groups: Sequence[Any], styles: Mapping[str, str]) -> dict[str, Any]:
    accuracies = [row["accuracy"] for _, members in groups for row in members]
    values = [v for a in accuracies for v in (a["mean"], a["low"], a["high"], *(a.get("per_seed") or []))]
    scale = Scale.around([100 * v for v in values if v is not None])
    bodies = [
        (name if len(groups) > 1 else "", [_dot_row(row, scale, styles[row["id"]]) for row in members])
        for name, members in groups
    ]
    return {"bodies": bodies, "axis": axis_below(scale)}


def _dot_row(row: Mapping[str, Any], scale: Scale, style: str) -> dict[str, Any]:
    accuracy = row["accuracy"]
    spread = interval(accuracy["low"], accuracy["high"])
    title = f"{row_name(row)}: {percent(accuracy['mean'])} % {spread}"
    return {
        "name": row_name(row),
        "style": style,
        "track": whisker(row, scale, title),
        "value": percent(accuracy["mean"]),
        "spread": spread,
    }


def _costs(groups: Sequence[Any], styles: Mapping[str, str]) -> list[dict[str, Any]]:
    found = []
    for key, title in _COSTS:
        points = [
            _point(row, key, f"{name}, {title}", styles[row["id"]], _SHAPES[i % len(_SHAPES)])
            for i, (name, members) in enumerate(groups)
            for row in members
            if (row.get("cost") or {}).get(key)
        ]
        if points:
            found.append({"title": title, "chart": scatter(points, x_title=title, y_title="accuracy")})
    return found


def _point(row: Mapping[str, Any], key: str, where: str, style: str, shape: str) -> Point:
    accuracy, cost = row["accuracy"], row["cost"][key]
    shown = three_digits(cost) if cost < 1000 else count(cost)
    title = f"{row_name(row)}, {where}: {shown}, {percent(accuracy['mean'])} %"
    low, high = (None if v is None else 100 * v for v in (accuracy["low"], accuracy["high"]))
    return Point(cost, 100 * accuracy["mean"], low, high, title, style, shape)


def _curves(name: str, members: Sequence[Mapping[str, Any]], styles: Mapping[str, str]) -> list[dict[str, Any]]:
    charts = []
    for key, title, factor in (("eval_top1", "validation accuracy, %", 100.0), ("train_loss", "training loss", 1.0)):
        lines = [line for row in members if (line := band(row, key, styles[row["id"]], factor))]
        if lines:
            charts.append({"title": f"{name}: {title}", "chart": curves(lines, y_title=title)})
    return charts


def band(row: Mapping[str, Any], key: str, style: str, factor: float = 1.0) -> Line | None:
    """Mean, lowest and highest of the seeds' curves after every epoch that has a value, counted from 1."""
    at: dict[float, list[float]] = {}
    for curve in row.get("curves") or []:
        for epoch, value in zip(curve["epoch"], curve.get(key) or [], strict=False):
            if value is not None:
                at.setdefault(epoch + 1, []).append(factor * value)
    if not at:
        return None
    epochs = sorted(at)
    each = [at[epoch] for epoch in epochs]
    return Line(epochs, [*map(fmean, each)], [*map(min, each)], [*map(max, each)], row_name(row), style)


def _details(
    name: str, members: Sequence[Mapping[str, Any]], results: Mapping[str, Any], first: bool, file: str
) -> dict[str, Any]:
    """Confusions and mistakes of a group: in the best group the baseline and its best rival stand open."""
    classes, places = results["data"]["classes"], {row["id"]: place for place, row in enumerate(results["rows"])}
    baseline = _baseline(members)
    best = _best([row for row in members if row is not baseline] or members)
    shown = {row["id"] for row in (baseline, best) if row is not None and first}
    gained: list[confusion.Change] = []
    lost: list[confusion.Change] = []
    if baseline and best is not baseline and baseline.get("confusion") and best.get("confusion"):
        gained, lost = confusion.changes(baseline["confusion"], best["confusion"], classes)
    first_shown = sorted(members, key=lambda row: row["id"] not in shown)
    rows = [_row_details(row, classes, row["id"] in shown, places[row["id"]], file) for row in first_shown]
    return {
        "name": name,
        "best": row_name(best),
        "gained": gained,
        "lost": lost,
        "rows": [row for row in rows if row["pairs"] or row["squares"]],
        "mistakes": [row for row in rows if row["mistakes"]],
    }


def _row_details(row: Mapping[str, Any], classes: Sequence[str], shown: bool, place: int, file: str) -> dict[str, Any]:
    counts, mistakes = row.get("confusion") or [], row.get("mistakes") or []
    anchors = {(m["label"], m["predicted"]): f"mistake-{place}-{n}" for n, m in reversed([*enumerate(mistakes)])}
    origin = f"{file}#/rows/{place}/confusion" if file else ""
    readable = len(classes) <= confusion.READABLE
    return {
        "name": row_name(row),
        "open": shown,
        "anchor": f"mistake-{place}",
        "classes": classes,
        "squares": confusion.squares(counts, classes, origin=origin, links=anchors) if readable and counts else [],
        "pairs": confusion.most_confused(counts, classes, origin=origin, links=anchors),
        "mistakes": mistakes,
    }


def _facts(results: Mapping[str, Any]) -> list[tuple[str, str]]:
    data, settings = results["data"], results["settings"]
    skipped = data.get("skipped") or {}
    facts = [
        ("data", f"{data['source']} \N{EN DASH} {data.get('description') or ''}".rstrip(" \N{EN DASH}")),
        ("images", f"{count(data['train_images'])} for training, {count(data['val_images'])} for validation"),
        ("skipped images", f"{skipped.get('train', 0)} in training, {skipped.get('val', 0)} in validation"),
        ("image size", data.get("image_size")),
        *((_SETTINGS.get(key, key), as_text(value)) for key, value in settings.items() if key != "recipe"),
        *((f"recipe: {key}", as_text(value)) for key, value in (settings.get("recipe") or {}).items()),
        *stamp_facts(results),
    ]
    return [(name, str(value)) for name, value in facts if value not in (None, "", "none")]


def stamp_facts(results: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """When, by which version and on which machine."""
    machine = results.get("machine") or {}
    commit = f", commit {results['commit']}" if results.get("commit") else ""
    return [
        ("took", duration(results["seconds"]) if results.get("seconds") else None),
        ("measured", str(results.get("date", "")).replace("T", " ")),
        ("covpool", f"{results.get('version', '')}{commit}"),
        ("machine", as_text(machine)),
    ]


def as_text(value: Any) -> str:
    """Nested settings as one readable line."""
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {as_text(item)}" for key, item in value.items() if item not in (None, "", {}, []))
    if isinstance(value, list | tuple):
        return ", ".join(map(as_text, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
