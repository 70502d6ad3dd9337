"""The reliability diagram: accuracy against confidence, as inline SVG or as a file of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from covpool.reporting.drawing.axes import tag
from covpool.reporting.numerals import count, percent

_SIDE = 240
_TICKS = (0.0, 0.25, 0.5, 0.75, 1.0)
_STYLE = """
:root { --ink: #62676f; --grid: #e9e9e5; --paper: #fdfdfc; --right: #2563eb; --gap: #dc2626; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #9aa1ab; --grid: #282c31; --paper: #15171a; --right: #6ea3ff; --gap: #f87171; }
}
svg { background: var(--paper); font: 11.5px system-ui, sans-serif; overflow: visible; }
text { fill: var(--ink); } .grid { stroke: var(--grid); } .axis-title { fill: var(--ink); }
.diagonal { stroke: var(--ink); stroke-dasharray: 5 4; }
.end, .too-modest { fill: var(--right); } .too-modest { opacity: .42; } .too-sure { fill: var(--gap); opacity: .32; }
"""  # the classes are those of the page of a report, whose style sheet draws them there


def reliability(bins: Sequence[Mapping[str, Any]], title: str = "accuracy against confidence") -> Markup:
    """A bar a bin up to its accuracy; red above it is confidence that is not met, pale blue in it accuracy beyond.

    Args:
        bins: mappings with low, high, count, confidence and accuracy, as a calibration result stores them.
        title: for readers of the page who do not see it.
    """
    marks = [*_frame(), *(mark for part in bins if part["count"] for mark in _bar(part))]
    diagonal = tag("line", x1="0", y1="100%", x2="100%", y2="0", class_="diagonal whisker s0")
    return tag("svg", *marks, diagonal, class_="chart", role="img", aria_label=title, height=_SIDE)


def reliability_file(result: Mapping[str, Any]) -> str:
    """An SVG file of a calibration result: the bins before and after the temperature side by side."""
    charts = []
    for place, name in enumerate(("before", "after")):
        scores = result[name]
        text = f"{name}: ECE {percent(scores['ece'], 2)} %"
        chart = tag("svg", reliability(scores["reliability"], text), width=_SIDE, height=_SIDE, overflow="visible")
        moved = f"translate({52 + place * (_SIDE + 72)} 40)"
        charts.append(tag("g", tag("text", text, y="-14"), chart, transform=moved))
    width, height = 2 * _SIDE + 72 + 52 + 24, _SIDE + 40 + 52
    box = {"viewBox": f"0 0 {width} {height}", "width": width, "height": height}
    whole = tag("svg", tag("style", Markup(_STYLE)), *charts, xmlns="http://www.w3.org/2000/svg", **box)
    return f"{whole}\n"


def _frame() -> list[Markup]:
    marks = []
    for tick in _TICKS:
        across, down = f"{100 * tick:g}%", f"{100 - 100 * tick:g}%"
        marks.append(tag("line", x1="0", x2="100%", y1=down, y2=down, class_="grid"))
        marks.append(tag("line", y1="0", y2="100%", x1=across, x2=across, class_="grid"))
        marks.append(tag("text", f"{tick:g}", x="-8", y=down, dy=".32em", text_anchor="end", class_="tick"))
        marks.append(tag("text", f"{tick:g}", x=across, y="100%", dy="16", text_anchor="middle", class_="tick"))
    return [*marks, tag("text", "confidence", x="50%", y="100%", dy="34", text_anchor="middle", class_="axis-title")]


def _bar(part: Mapping[str, Any]) -> list[Markup]:
    low, high = max(0.0, part["low"]), min(1.0, part["high"])
    accuracy, confidence = part["accuracy"], part["confidence"]
    place = {"x": f"{100 * low:.2f}%", "width": f"{max(100 * (high - low) - 0.6, 0.2):.2f}%"}
    said = (
        f"confidence {percent(low)} to {percent(high)} %: {count(part['count'])} images, "
        f"mean confidence {percent(confidence)} %, {percent(accuracy)} % right"
    )
    top, bottom = max(accuracy, confidence), min(accuracy, confidence)
    full, rest = f"{100 * bottom:.2f}%", f"{100 * (top - bottom):.2f}%"
    bar = tag("rect", y=f"{100 - 100 * bottom:.2f}%", height=full, class_="end s1", **place)
    style = "too-sure" if confidence > accuracy else "too-modest"
    gap = tag("rect", y=f"{100 - 100 * top:.2f}%", height=rest, class_=style, **place)
    return [tag("g", tag("title", said), bar, gap)]
