"""One self-contained HTML page from results and runs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from covpool.reporting.page_template import page_template, verbatim
from covpool.reporting.sections.comparison import comparison
from covpool.reporting.sections.runs import Run, read_run, runs_table, runs_view
from covpool.reporting.tables import compare_csv, compare_table

FORMATS = ("html", "md", "csv")


def render(results: Mapping[str, Any]) -> str:
    """The page of one comparison: HTML that needs no other file and no network."""
    return _page([comparison(results)], None)


def report(paths: Iterable[str | Path], out: str | Path | None = None, *, format: str = "html") -> str:
    """The report of comparisons (results.json, or the folder that holds it), runs and evaluations (result.json).

    Args:
        paths: files and folders, in the order of the page.
        out: also write it there; the folder is made.
        format: "html", "md" or "csv"; the latter two hold the tables only.

    Raises:
        ValueError: a path is none of these, or the format is unknown.
        FileNotFoundError: there is nothing at a path.
    """
    if format not in FORMATS:
        raise ValueError(f"a report needs one of the formats {', '.join(FORMATS)}; got {format!r}")
    text = _written([_read(Path(path)) for path in paths], format)
    if out is not None:
        Path(out).parent.mkdir(parents=True, exist_ok=True)
        Path(out).write_text(text, encoding="utf-8")
    return text


def _read(path: Path) -> Mapping[str, Any] | Run:
    """A comparison as its dictionary, anything else as a Run."""
    if not path.exists():
        raise FileNotFoundError(f"there is nothing at {path}; name a results.json, a result.json or a run folder")
    if path.is_dir() and not (path / "results.json").is_file():
        return read_run(path)
    file = path / "results.json" if path.is_dir() else path
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{file} is no JSON file: {error}") from error
    schema = str(found.get("schema", "")) if isinstance(found, dict) else ""
    if schema.startswith("covpool-compare/"):
        return found
    if schema.startswith("covpool-result/"):
        return Run(file.stem if file.name != "result.json" else file.resolve().parent.name, result=found)
    raise ValueError(
        f"{file} needs to hold the result of a comparison, a run or an evaluation; its schema is {schema!r}"
    )


def _written(found: Sequence[Mapping[str, Any] | Run], format: str) -> str:
    comparisons = [item for item in found if not isinstance(item, Run)]
    runs = [item for item in found if isinstance(item, Run)]
    if not found:
        raise ValueError("a report needs at least one results file or run folder; got none")
    if format == "html":
        return _page([comparison(results) for results in comparisons], runs_view(runs) if runs else None)
    if format == "md":
        parts = [
            f"## Pooling compared on {results['data']['source']}\n\n{compare_table(results).to_markdown()}"
            f"\n{results.get('advice') or ''}\n"
            for results in comparisons
        ]
        return "\n".join([*parts, *([f"## Runs\n\n{runs_table(runs).to_markdown()}"] if runs else [])])
    parts = [compare_csv(results) for results in comparisons]
    return "\n".join([*parts, *([runs_table(runs).to_csv()] if runs else [])])


def _page(comparisons: list[dict[str, Any]], runs: dict[str, Any] | None) -> str:
    titles = [view["title"] for view in (*comparisons, *([runs] if runs else []))]
    return page_template("report.html").render(
        title=titles[0] if len(titles) == 1 else "covpool report",
        comparisons=comparisons,
        runs=runs,
        style=verbatim("report.css"),
        script=verbatim("report.js"),
    )
