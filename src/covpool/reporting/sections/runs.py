"""Training runs and single evaluations: reading them, and what the page shows of them."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from covpool.reporting.drawing.cost_scatter import cost_scatter
from covpool.reporting.drawing.plots import Line, Point, curves
from covpool.reporting.numerals import count, duration, interval, percent, three_digits
from covpool.reporting.pictures import MOST, Pictures, thumbnails
from covpool.reporting.sections import confusion
from covpool.reporting.sections.comparison import as_text, stamp_facts
from covpool.reporting.sections.parts import pointer
from covpool.reporting.tables import Cell, Column, Table

_COLOURS = 8
_CHARTS = (
    ("eval_top1", "validation accuracy, %", 100.0),
    ("train_loss", "training loss", 1.0),
    ("lr", "learning rate", 1.0),
)
_COSTS = (("ms_per_image", "ms per image"), ("flops", "FLOPs per image"), ("parameters", "parameters"))


@dataclass(frozen=True)
class Run:
    """A run folder, or the result of one evaluation: its name, epochs, result and recipe, as far as there are any.

    ``file`` and ``summary`` are the result.json and the summary.csv that they were read from.
    """

    name: str
    epochs: Sequence[Mapping[str, float | None]] = ()
    result: Mapping[str, Any] = field(default_factory=dict)
    recipe: str = ""
    file: str = ""
    summary: str = ""

    def origin(self, *keys: str | int) -> str:
        """Where a number of the result stands: file and JSON pointer."""
        return f"{self.file}#{pointer(*keys)}" if self.file else ""

    def of_epoch(self, epoch: Mapping[str, Any], key: str) -> str:
        """Where a number of an epoch stands: the summary, line of the file, and column."""
        place = next((place for place, known in enumerate(self.epochs) if known is epoch), None)
        return f"{self.summary}#line {place + 2}, {key}" if self.summary and place is not None else ""


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
        result=_read_result(result) if result.is_file() else {},
        recipe=recipe.read_text(encoding="utf-8") if recipe.is_file() else "",
        file=str(result) if result.is_file() else "",
        summary=str(summary) if summary.is_file() else "",
    )


def _read_result(path: Path) -> dict[str, Any]:
    found = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(found, dict):
        raise ValueError(f"{path.name} needs to hold an object; got a {type(found).__name__}")
    return found


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
    last = max((e for e in run.epochs if e.get("seconds") is not None), key=lambda e: e["seconds"] or 0, default={})
    loss = _known(run, "loss", best, "eval_loss")
    return {
        "run": Cell(run.name, run.name),
        "network": Cell(_network(run), _network(run) or None),
        "top1": _rate(run, "top1", best),
        "top5": _rate(run, "top5", best),
        "loss": replace(loss, text=three_digits(loss.value)),
        "images": Cell(count(result.get("images")), result.get("images"), origin=run.origin("images")),
        "skipped": Cell(count(result.get("skipped")), result.get("skipped"), origin=run.origin("skipped")),
        "epochs": Cell(str(len(run.epochs)), len(run.epochs)) if run.epochs else Cell(""),
        "seconds": Cell(duration(last["seconds"]), last["seconds"], origin=run.of_epoch(last, "seconds"))
        if last
        else Cell(""),
    }


def _known(run: Run, key: str, epoch: Mapping[str, Any], column: str) -> Cell:
    """A number of the result; before there is one, that of an epoch."""
    if key in run.result:
        return Cell("", run.result[key], origin=run.origin(key))
    return Cell("", epoch.get(column), origin=run.of_epoch(epoch, column))


def _rate(run: Run, key: str, best: Mapping[str, Any]) -> Cell:
    """The result's rate with its interval; before there is a result, the best epoch's."""
    known = _known(run, key, best, f"eval_{key}")
    low, high = run.result.get(f"{key}_interval") or (None, None)
    return replace(known, text=percent(known.value), detail=interval(low, high))


def _network(run: Run) -> str:
    """Backbone and pool, from the recipe of the run or of the result."""
    recipe = _recipe(run)
    network = recipe.get("network") or (run.result.get("about") or {}).get("architecture") or {}
    return " + ".join(str(network[key]) for key in ("backbone", "pool") if network.get(key))


def _recipe(run: Run) -> Mapping[str, Any]:
    try:
        stored = yaml.safe_load(run.recipe) if run.recipe else (run.result.get("about") or {}).get("recipe")
    except yaml.YAMLError:
        return {}
    return stored if isinstance(stored, Mapping) else {}


def runs_view(runs: Sequence[Run], data: str | Path | Pictures | None = None) -> dict[str, Any]:
    """The template's view of runs; ``data`` is where the judged pictures are, for thumbnails of confused ones."""
    table, styles = runs_table(runs), [f"s{1 + i % _COLOURS}" for i in range(len(runs))]
    details = [_details(run, place, len(runs), data) for place, run in enumerate(runs, 1)]
    charts = []
    for key, title, factor in _CHARTS:
        lines = [line for run, style in zip(runs, styles, strict=True) if (line := _line(run, key, style, factor))]
        if lines:
            charts.append({"title": title, "chart": curves(lines, y_title=title)})
    return {
        "missing": _missing(details, data is not None),
        "title": f"Run {runs[0].name}" if len(runs) == 1 else f"{len(runs)} runs",
        "table": {
            "columns": table.columns,
            "bodies": [{"name": "", "rows": [(s, False, cells) for s, cells in zip(styles, table.rows, strict=True)]}],
        },
        "legend": [(run.name, style) for run, style in zip(runs, styles, strict=True)],
        "charts": charts,
        "costs": _costs(runs, styles),
        "per_class": _per_class(runs),
        "details": details,
    }


def _missing(details: Sequence[Mapping[str, Any]], is_given: bool) -> str:
    """Why confused pictures are not to be seen, empty where some are."""
    if any(picture for run in details for group in run["confused"] for _, _, picture in group.pictures):
        return ""
    if is_given:
        return "None of them is in the place named with --data: it needs to be what the networks were judged on."
    return "To see them, name the pictures that were judged (a folder, a .tar, shards) with --data."


def _costs(runs: Sequence[Run], styles: Sequence[str]) -> list[dict[str, Any]]:
    """Accuracy against each cost, where two runs or more know theirs (``covpool evaluate --cost``)."""
    charts = []
    for key, title in _COSTS:
        points = [p for run, style in zip(runs, styles, strict=True) if (p := _cost_point(run, key, style))]
        if len(points) > 1:
            charts.append({"title": f"accuracy, %, against {title}", "chart": cost_scatter(points, x_title=title)})
    return charts


def _cost_point(run: Run, key: str, style: str) -> Point | None:
    cost = (run.result.get("about") or {}).get("cost") or {}
    if not cost.get(key) or run.result.get("top1") is None:
        return None
    low, high = (100 * end for end in run.result["top1_interval"])
    title = f"{run.name}: {percent(run.result['top1'])} %, {three_digits(float(cost[key]))}"
    return Point(cost[key], 100 * run.result["top1"], low, high, title, style)


def _line(run: Run, key: str, style: str, factor: float) -> Line | None:
    known = [((e["epoch"] or 0) + 1, factor * value) for e in run.epochs if (value := e.get(key)) is not None]
    if not known:
        return None
    x, y = zip(*known, strict=True)
    return Line(x, y, y, y, run.name, style)


def _details(run: Run, place: int, of: int, data: str | Path | Pictures | None) -> dict[str, Any]:
    result = run.result
    classes, counts = result.get("classes") or [], result.get("confusion") or []
    mistakes = result.get("mistakes") or []
    pictures = thumbnails((str(one["key"]) for one in mistakes), data, most=max(MOST // of, 12))
    groups = confusion.confused(mistakes, pictures, prefix=f"confused-{place}")
    origin, links = run.origin("confusion"), confusion.links_of(groups)
    readable = counts and len(classes) <= confusion.READABLE
    worst = [(c, r) for c, r in zip(classes, result.get("per_class") or [], strict=False) if r is not None]
    return {
        "name": run.name,
        "open": of <= 2,
        "classes": classes,
        "squares": confusion.squares(counts, classes, origin=origin, links=links) if readable else [],
        "pairs": confusion.most_confused(counts, classes, origin=origin, links=links) if counts else [],
        "confused": groups,
        "weakest": [(c, percent(r)) for c, r in sorted(worst, key=lambda pair: pair[1])[:5] if r < 1],
        "recipe": run.recipe,
        "facts": _facts(run),
    }


def _per_class(runs: Sequence[Run]) -> dict[str, Any] | None:
    """A row a class, a column a run; None where the runs know different classes, or none."""
    judged = [run for run in runs if run.result.get("per_class")]
    classes = judged[0].result["classes"] if judged else []
    if not judged or any(run.result["classes"] != classes for run in judged):
        return None
    columns = [Column("class", "class", False), Column("images", "images"), *(Column(r.name, r.name) for r in judged)]
    counts = [sum(row) for row in judged[0].result["confusion"]]
    rows = [
        (
            "",
            False,
            [
                Cell(name, name),
                Cell(count(counts[place]), counts[place], origin=judged[0].origin("confusion", place)),
                *(_recognised(run, place) for run in judged),
            ],
        )
        for place, name in enumerate(classes)
    ]
    return {"columns": columns, "rows": rows}


def _recognised(run: Run, place: int) -> Cell:
    share = run.result["per_class"][place]
    return Cell(percent(share), share, origin=run.origin("per_class", place))


def _facts(run: Run) -> list[tuple[str, str]]:
    about = run.result.get("about") or {}
    facts = (
        *((key, as_text(value)) for key, value in about.items() if key not in ("recipe", "classes")),
        *(stamp_facts(run.result.get("stamp") or {}) if run.result else ()),
    )
    return [(key, str(value)) for key, value in facts if value not in (None, "", "none")]
