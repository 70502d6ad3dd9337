"""Training runs and single evaluations: reading them, and what the page shows of them."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from covpool.reporting.drawing.plots import Line, curves
from covpool.reporting.numerals import count, duration, interval, percent, three_digits
from covpool.reporting.sections import confusion
from covpool.reporting.sections.comparison import as_text, stamp_facts
from covpool.reporting.tables import Cell, Column, Table

_COLOURS = 8
_CHARTS = (
    ("eval_top1", "validation accuracy, %", 100.0),
    ("train_loss", "training loss", 1.0),
    ("lr", "learning rate", 1.0),
)


@dataclass(frozen=True)
class Run:
    """A run folder, or the result of one evaluation: its name, epochs, result and recipe, as far as there are any."""

    name: str
    epochs: Sequence[Mapping[str, float | None]] = ()
    result: Mapping[str, Any] = field(default_factory=dict)
    recipe: str = ""


def read_run(path: str | Path) -> Run:
    """The run in a folder.

    Raises:
        ValueError: there is neither a summary.csv nor a result.json in it.
    """
    folder = Path(path)
    summary, result, recipe = folder / "summary.csv", folder / "result.json", folder / "recipe.yaml"
    if not summary.is_file() and not result.is_file():
        raise ValueError(
            f"{folder} needs to be a run folder with a summary.csv or a result.json, or a results file; found neither"
        )
    return Run(
        name=folder.resolve().name,
        epochs=_read_epochs(summary) if summary.is_file() else (),
        result=json.loads(result.read_text(encoding="utf-8")) if result.is_file() else {},
        recipe=recipe.read_text(encoding="utf-8") if recipe.is_file() else "",
    )


def _read_epochs(path: Path) -> list[dict[str, float | None]]:
    with path.open(newline="", encoding="utf-8") as file:
        return [{key: float(value) if value else None for key, value in row.items()} for row in csv.DictReader(file)]


_COLUMNS = (
    Column("run", "run", numeric=False),
    Column("network", "network", numeric=False),
    Column("top1", "top-1 %", False, "with its interval"),
    Column("top5", "top-5 %", False, "with its interval"),
    Column("loss", "loss"),
    Column("images", "images"),
    Column("skipped", "skipped", hint="images that could not be read"),
    Column("epochs", "epochs"),
    Column("seconds", "time", hint="from the start to the last epoch"),
)


def runs_table(runs: Sequence[Run]) -> Table:
    """One row a run; columns in which nothing is known are left out."""
    rows = [_cells(run) for run in runs]
    columns = [c for c in _COLUMNS if c.key == "run" or any(row[c.key].value is not None for row in rows)]
    return Table(columns, [[row[column.key] for column in columns] for row in rows])


def _cells(run: Run) -> dict[str, Cell]:
    result = run.result
    judged = [epoch for epoch in run.epochs if epoch.get("eval_top1") is not None]
    best = max(judged, key=lambda epoch: epoch["eval_top1"] or 0, default={})
    times = [seconds for epoch in run.epochs if (seconds := epoch.get("seconds")) is not None]
    loss = result.get("loss", best.get("eval_loss"))
    return {
        "run": Cell(run.name, run.name),
        "network": Cell(_network(run), _network(run) or None),
        "top1": _rate(result, "top1", best.get("eval_top1")),
        "top5": _rate(result, "top5", best.get("eval_top5")),
        "loss": Cell(three_digits(loss), loss),
        "images": Cell(count(result.get("images")), result.get("images")),
        "skipped": Cell(count(result.get("skipped")), result.get("skipped")),
        "epochs": Cell(str(len(run.epochs)), len(run.epochs) or None),
        "seconds": Cell(duration(max(times)), max(times)) if times else Cell(""),
    }


def _rate(result: Mapping[str, Any], key: str, otherwise: float | None) -> Cell:
    """The result's rate with its interval; before there is a result, the best epoch's."""
    value = result.get(key, otherwise)
    low, high = result.get(f"{key}_interval") or (None, None)
    return Cell(percent(value), value, interval(low, high))


def _network(run: Run) -> str:
    """Backbone and pool, from the recipe of the run or of the result."""
    recipe = _recipe(run)
    network = recipe.get("network") or (run.result.get("about") or {}).get("architecture") or {}
    return " + ".join(str(network[key]) for key in ("backbone", "pool") if network.get(key))


def _recipe(run: Run) -> Mapping[str, Any]:
    stored = yaml.safe_load(run.recipe) if run.recipe else (run.result.get("about") or {}).get("recipe")
    return stored if isinstance(stored, Mapping) else {}


def runs_view(runs: Sequence[Run]) -> dict[str, Any]:
    """The template's view of runs."""
    table, styles = runs_table(runs), [f"s{1 + i % _COLOURS}" for i in range(len(runs))]
    charts = []
    for key, title, factor in _CHARTS:
        lines = [line for run, style in zip(runs, styles, strict=True) if (line := _line(run, key, style, factor))]
        if lines:
            charts.append({"title": title, "chart": curves(lines, y_title=title)})
    return {
        "title": f"Run {runs[0].name}" if len(runs) == 1 else f"{len(runs)} runs",
        "table": {
            "columns": table.columns,
            "bodies": [{"name": "", "rows": [(s, False, cells) for s, cells in zip(styles, table.rows, strict=True)]}],
        },
        "legend": [(run.name, style) for run, style in zip(runs, styles, strict=True)],
        "charts": charts,
        "details": [_details(run, shown=len(runs) <= 2) for run in runs],
    }


def _line(run: Run, key: str, style: str, factor: float) -> Line | None:
    known = [((e["epoch"] or 0) + 1, factor * value) for e in run.epochs if (value := e.get(key)) is not None]
    if not known:
        return None
    x, y = zip(*known, strict=True)
    return Line(x, y, y, y, run.name, style)


def _details(run: Run, shown: bool) -> dict[str, Any]:
    result = run.result
    classes, counts = result.get("classes") or [], result.get("confusion") or []
    readable = len(classes) <= confusion.READABLE
    worst = [(c, r) for c, r in zip(classes, result.get("per_class") or [], strict=False) if r is not None]
    about = result.get("about") or {}
    return {
        "name": run.name,
        "open": shown,
        "classes": classes,
        "squares": confusion.squares(counts, classes) if readable and counts else [],
        "pairs": confusion.most_confused(counts, classes) if counts else [],
        "weakest": [(c, percent(r)) for c, r in sorted(worst, key=lambda pair: pair[1])[:5] if r < 1],
        "recipe": run.recipe,
        "facts": [
            (key, str(value))
            for key, value in (
                *((key, as_text(value)) for key, value in about.items() if key not in ("recipe", "classes")),
                *(stamp_facts(result.get("stamp") or {}) if result else ()),
            )
            if value not in (None, "", "none")
        ],
    }
