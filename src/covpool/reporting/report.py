"""One self-contained HTML page from results and runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from covpool.reporting.page_template import page_template, verbatim
from covpool.reporting.pictures import Pictures
from covpool.reporting.reading import COMPARE, read
from covpool.reporting.sections.comparison import comparison
from covpool.reporting.sections.kinds import section_of
from covpool.reporting.sections.parts import Chart, Found, Section, escape_markdown
from covpool.reporting.sections.runs import Run, runs_table, runs_view
from covpool.reporting.sources import Source, sources
from covpool.reporting.tables import compare_csv, compare_table

P = ParamSpec("P")
T = TypeVar("T")

FORMATS = ("html", "md", "csv")


def render(results: Mapping[str, Any]) -> str:
    """The page of one comparison: HTML that needs no other file and no network."""
    return _page([comparison(results)], None, [], [])


def report(
    paths: Iterable[str | Path],
    out: str | Path | None = None,
    *,
    format: str = "html",
    data: str | Path | Pictures | None = None,
) -> str:
    """The report of comparisons, runs, evaluations and any other results of covpool.

    Args:
        paths: JSON files and folders (run folders, or folders of such), in the order of the page.
        out: also write it there; the folder is made. Links to the results are relative to it.
        format: "html", "md" or "csv"; the latter two hold the tables only.
        data: the folder of the judged pictures, or a function from a picture's key to its bytes (None: unknown):
            confused ones are embedded as thumbnails. No other file is read.

    Raises:
        ValueError: a path holds nothing of ours, a result lacks what its schema promises, or the format is unknown.
        FileNotFoundError: there is nothing at a path.
    """
    if format not in FORMATS:
        raise ValueError(f"a report needs one of the formats {', '.join(FORMATS)}; got {format!r}")
    found = [item for path in paths for item in read(path)]
    if not found:
        raise ValueError("a report needs at least one results file or run folder; got none")
    text = _html(found, out, data) if format == "html" else _tables(found, format)
    text = text.encode("utf-8", "replace").decode("utf-8")  # JSON can hold halves of characters
    if out is not None:
        Path(out).parent.mkdir(parents=True, exist_ok=True)
        Path(out).write_text(text, encoding="utf-8")
    return text


def _sorted(found: Sequence[Run | Found]) -> tuple[list[Found], list[Run], dict[str, list[Found]]]:
    """Comparisons, runs, and the rest by kind."""
    runs = [item for item in found if isinstance(item, Run)]
    others: dict[str, list[Found]] = {}
    for item in found:
        if not isinstance(item, Run):
            others.setdefault(item.kind, []).append(item)
    return others.pop(COMPARE, []), runs, others


def _html(found: Sequence[Run | Found], out: str | Path | None, data: str | Path | Pictures | None) -> str:
    compared, runs, others = _sorted(found)
    files = [file for item in found for file in ((item.file, item.summary) if isinstance(item, Run) else (item.file,))]
    return _made(
        found,
        _page,
        [_made([item], comparison, item.data, item.file) for item in compared],
        _made(runs, runs_view, runs, data) if runs else None,
        [_made(items, section_of, kind, items) for kind, items in others.items()],
        sources(files, out),
    )


def _tables(found: Sequence[Run | Found], format: str) -> str:
    compared, runs, others = _sorted(found)
    sections = [_made(items, section_of, kind, items) for kind, items in others.items()]
    if format == "csv":
        parts = [_made([item], compare_csv, item.data) for item in compared]
        parts += [_made(runs, runs_table, runs).to_csv()] if runs else []
        return "\n".join([*parts, *(section.to_csv() for section in sections)])
    parts = [_made([item], _compared, item.data) for item in compared]
    parts += [f"## Runs\n\n{_made(runs, runs_table, runs).to_markdown()}"] if runs else []
    return "\n".join([*parts, *(section.to_markdown() for section in sections)])


def _compared(results: Mapping[str, Any]) -> str:
    advice = str(results.get("advice") or "")
    title = f"Pooling compared on {results['data']['source']}"
    return f"## {escape_markdown(title)}\n\n{compare_table(results).to_markdown()}\n{escape_markdown(advice)}\n"


def _made(items: Sequence[Run | Found], make: Callable[P, T], *given: P.args, **options: P.kwargs) -> T:
    """What ``make`` makes of results; files that lack a key or hold another type there are named."""
    try:
        return make(*given, **options)
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError) as error:
        files = ", ".join(item.file or item.name for item in items)
        what = f"{type(error).__name__}: {error}"
        raise ValueError(f"{files}: not what the schema promises ({what})") from error


def _page(
    comparisons: list[dict[str, Any]], runs: dict[str, Any] | None, sections: list[Section], known: list[Source]
) -> str:
    titles = [
        *(view["title"] for view in (*comparisons, *([runs] if runs else []))),
        *(section.title for section in sections),
    ]
    return page_template("report.html").render(
        title=titles[0] if len(titles) == 1 else "covpool report",
        contents=titles,
        comparisons=comparisons,
        runs=runs,
        sections=[(section, _blocks(section)) for section in sections],
        sources=known,
        anchors={source.file: source.anchor for source in known},
        style=verbatim("report.css"),
        script=verbatim("report.js"),
    )


def _blocks(section: Section) -> list[tuple[str, list[Any]]]:
    """The parts of a section, neighbouring charts together."""
    blocks: list[tuple[str, list[Any]]] = []
    for part in section.parts:
        if isinstance(part, Chart) and blocks and blocks[-1][0] == "chart":
            blocks[-1][1].append(part)
        else:
            blocks.append((part.part, [part]))
    return blocks
