"""A row a thing, a dot a series: numbers of several networks by name, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from covpool.reporting.drawing.axes import Scale, tag, tick_label

_ROW = 24  # pixels


@dataclass(frozen=True)
class Dots:
    """One series: a number for each row (None: unknown), its name and style, and a number to compare them with."""

    values: Sequence[float | None]
    title: str
    style: str
    line: float | None = None


def dot_rows(names: Sequence[str], series: Sequence[Dots], *, x_title: str, line_title: str = "") -> Markup:
    """Names on the left, a dot a series at its value; a rule joins the dots of a row; ``line`` is drawn dashed.

    A dot says its row, series and value on hover and focus.
    """
    values = [v for of in series for v in (*of.values, of.line) if v is not None]
    x = Scale.around([*values, 0.0] if values and min(values) < 0.25 * max(values) else values)
    height = _ROW * len(names)
    marks = [tag("line", x1=x.percent(t), x2=x.percent(t), y1=0, y2=height, class_="grid") for t in x.ticks(6)]
    labels = [
        tag("text", tick_label(t), x=x.percent(t), y=height, dy="16", text_anchor="middle", class_="tick")
        for t in x.ticks(6)
    ]
    rows = [mark for place, name in enumerate(names) for mark in _row(x, place, name, series)]
    lines = [_dashed(x, of, height, line_title) for of in series if of.line is not None]
    title = tag("text", x_title, x="50%", y=height, dy="34", text_anchor="middle", class_="axis-title")
    drawn = [*marks, *labels, title, *lines, *rows]
    return tag("svg", *drawn, class_="chart named", role="img", aria_label=x_title, height=height)


def _row(x: Scale, place: int, name: str, series: Sequence[Dots]) -> Iterator[Markup]:
    middle = _ROW * (place + 0.5)
    yield tag("text", name, x="-10", y=middle, dy=".32em", text_anchor="end", class_="row-name")
    known = [(of, value) for of in series if (value := of.values[place]) is not None]
    if len(known) > 1:
        ends = [value for _, value in known]
        yield tag(
            "line", x1=x.percent(min(ends)), x2=x.percent(max(ends)), y1=middle, y2=middle, class_="whisker joins s0"
        )
    for of, value in known:
        said = tag("title", f"{name}, {of.title}: {value:.1f}")
        yield tag("circle", said, cx=x.percent(value), cy=middle, r=5, class_=f"dot {of.style}")


def _dashed(x: Scale, of: Dots, height: int, line_title: str) -> Markup:
    at = x.percent(of.line or 0.0)
    said = tag("title", f"{line_title}, {of.title}: {of.line:.1f}".removeprefix(", "))
    return tag("g", said, tag("line", x1=at, x2=at, y1=0, y2=height, class_=f"reference {of.style}"))
