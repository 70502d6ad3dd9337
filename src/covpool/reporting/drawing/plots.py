"""The charts of a report as inline SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from markupsafe import Markup

from covpool.reporting.drawing.axes import Scale, tag, tick_label

_HEIGHT = 240
_MOST_HITS = 120
_WHOLE = ("epoch", "step", "severity")  # axes on which there is nothing between two whole numbers
_STRETCH = {"viewBox": "0 0 100 100", "preserveAspectRatio": "none", "width": "100%", "height": "100%"}


@dataclass(frozen=True)
class Point:
    """One row of a comparison in a scatter plot."""

    x: float
    y: float
    low: float | None
    high: float | None
    title: str
    style: str
    shape: str = "circle"


@dataclass(frozen=True)
class Line:
    """One pool's curve: the mean over its seeds, and the band that holds them all."""

    x: Sequence[float]
    mean: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    title: str
    style: str


def whisker(row: Mapping[str, Any], scale: Scale, title: str) -> Markup:
    """The track of one row: its interval as a line, its mean as a dot, its seeds as small dots."""
    accuracy = row["accuracy"]
    low, high = accuracy["low"], accuracy["high"]
    marks = [_vertical(scale.percent(tick), "grid") for tick in scale.ticks(6)]
    if low is not None and high is not None:
        left, right = scale.percent(100 * low), scale.percent(100 * high)
        marks.append(tag("line", x1=left, x2=right, y1="50%", y2="50%", class_="whisker"))
        marks += [_vertical(end, "whisker", "32%", "68%") for end in (left, right)]
    seeds = accuracy.get("per_seed") or []
    marks += [tag("circle", cx=scale.percent(100 * s), cy="82%", r=2, class_="seed") for s in seeds]
    dot = tag("circle", tag("title", title), cx=scale.percent(100 * accuracy["mean"]), cy="50%", r=5, class_="dot")
    return tag("svg", *marks, dot, class_="track", role="img", aria_label=title)


def axis_below(scale: Scale) -> Markup:
    """The tick labels under the tracks."""
    labels = [_tick_text(tick_label(t), x=scale.percent(t), y="12", text_anchor="middle") for t in scale.ticks(6)]
    return tag("svg", *labels, class_="track axis", aria_hidden="true")


def scatter(points: Sequence[Point], *, x_title: str, y_title: str, front: Sequence[Point] = ()) -> Markup:
    """Accuracy against a cost on a logarithmic axis; steps join the points of ``front``, from left to right."""
    x = Scale.around([p.x for p in points], log=True, margin=0.12)
    y = Scale.around([v for p in points for v in (p.y, p.low, p.high)])
    marks = [*_frame(x, y, x_title, about=4), *_steps(x, y, front)]
    for p in points:
        if p.low is not None and p.high is not None:
            ends = {"y1": y.from_top(p.low), "y2": y.from_top(p.high)}
            marks.append(tag("line", x1=x.percent(p.x), x2=x.percent(p.x), class_=f"whisker {p.style}", **ends))
        marks.append(_marker(p, x.percent(p.x), y.from_top(p.y)))
    return _chart(marks, f"{y_title} against {x_title}")


def _steps(x: Scale, y: Scale, front: Sequence[Point]) -> list[Markup]:
    """What can be had at a cost: level from one point to the cost of the next, then up to it."""
    if len(front) < 2:
        return []
    places = [(x.at(p.x), 100 - y.at(p.y)) for p in front]
    corners = [places[0]]
    for before, after in pairwise(places):
        corners += [(after[0], before[1]), after]
    line = " ".join(f"{across:.2f},{down:.2f}" for across, down in corners)
    return [tag("svg", tag("polyline", points=line, class_="curve front s0"), **_STRETCH)]


def curves(lines: Sequence[Line], *, y_title: str, x_title: str = "epoch", within: Sequence[float] = ()) -> Markup:
    """Curves over epochs (or steps, or what ``x_title`` says), each with the band of its seeds.

    Every point says its values on hover and focus; of a long curve every k-th, so that there are at most 120.
    The y axis holds the values of ``within`` too, so that charts to be compared can share one.
    """
    x = Scale(min(min(line.x) for line in lines), max(max(line.x) for line in lines) + 1e-9)
    y = Scale.around([*within, *(v for line in lines for v in (*line.low, *line.high))])
    bands = [_path(x, y, line) for line in lines]
    dots = [
        tag("circle", cx=x.percent(line.x[-1]), cy=y.from_top(line.mean[-1]), r=3, class_=f"end {line.style}")
        for line in lines
    ]
    frame = _frame(x, y, x_title, about=6, whole=x_title in _WHOLE)
    hits = [mark for line in lines for mark in _hits(x, y, line, x_title)]
    return _chart([*frame, tag("svg", *bands, **_STRETCH), *dots, *hits], y_title)


def _hits(x: Scale, y: Scale, line: Line, x_title: str) -> list[Markup]:
    """Marks that are seen under the pointer or the focus only, and say what stands there."""
    every = -(-len(line.x) // _MOST_HITS)
    return [
        tag(
            "circle",
            tag("title", _said(line, place, x_title)),
            cx=x.percent(line.x[place]),
            cy=y.from_top(line.mean[place]),
            r=6,
            class_=f"hit {line.style}",
        )
        for place in range(0, len(line.x), every)
    ]


def _said(line: Line, place: int, x_title: str) -> str:
    low, high = line.low[place], line.high[place]
    spread = f" ({low:.4g} to {high:.4g})" if low < high else ""
    return f"{line.title}, {x_title} {line.x[place]:.6g}: {line.mean[place]:.4g}{spread}"


def _path(x: Scale, y: Scale, line: Line) -> Markup:
    def corners(values: Sequence[float]) -> list[str]:
        return [f"{x.at(a):.2f},{100 - y.at(b):.2f}" for a, b in zip(line.x, values, strict=True)]

    around = [*corners(line.high), *reversed(corners(line.low))]
    band = tag("polygon", points=" ".join(around), class_=f"band {line.style}")
    curve = tag("polyline", points=" ".join(corners(line.mean)), class_=f"curve {line.style}")
    return band + curve


def _frame(x: Scale, y: Scale, x_title: str, *, about: int, whole: bool = False) -> list[Markup]:
    """Grid lines, tick labels and the title of the x axis; the y title stands above the chart in HTML."""
    across = [t for t in x.ticks(about) if not whole or t == round(t)]
    marks = [tag("line", x1="0", x2="100%", y1=y.from_top(t), y2=y.from_top(t), class_="grid") for t in y.ticks(5)]
    marks += [_vertical(x.percent(t), "grid") for t in across]
    marks += [_tick_text(tick_label(t), x="-8", y=y.from_top(t), dy=".32em", text_anchor="end") for t in y.ticks(5)]
    marks += [_tick_text(tick_label(t), x=x.percent(t), y="100%", dy="16", text_anchor="middle") for t in across]
    return [*marks, tag("text", x_title, x="50%", y="100%", dy="34", text_anchor="middle", class_="axis-title")]


def _chart(marks: Sequence[Markup], label: str) -> Markup:
    return tag("svg", *marks, class_="chart", role="img", aria_label=label, height=_HEIGHT)


def _marker(p: Point, x: str, y: str) -> Markup:
    """Circle, square, diamond or triangle; the shape stands in a box of its own, so that it keeps its form."""
    shapes = {
        "square": tag("rect", x=-4.5, y=-4.5, width=9, height=9),
        "diamond": tag("path", d="M0-6.5L6.5 0L0 6.5L-6.5 0Z"),
        "triangle": tag("path", d="M0-6L6 4.5L-6 4.5Z"),
        "circle": tag("circle", r=5),
    }
    return tag(
        "svg", tag("g", tag("title", p.title), shapes[p.shape], class_=f"dot {p.style}"), x=x, y=y, overflow="visible"
    )


def _vertical(x: str, style: str, top: str = "0", bottom: str = "100%") -> Markup:
    return tag("line", x1=x, x2=x, y1=top, y2=bottom, class_=style)


def _tick_text(text: str, **where: str) -> Markup:
    return tag("text", text, class_="tick", **where)
