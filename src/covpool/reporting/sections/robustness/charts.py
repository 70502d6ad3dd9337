"""The charts of robustness."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import fmean
from typing import Any

from covpool.reporting.drawing.dot_rows import Dots, dot_rows
from covpool.reporting.drawing.plots import Line, curves
from covpool.reporting.sections.parts import Chart, Found, colour
from covpool.reporting.sections.robustness.tables import spelled

Judged = Sequence[tuple[int, Found]]  # the place of a result among all, which decides its colour

_FAMILIES = {
    "noise": ("gaussian_noise", "shot_noise", "impulse_noise", "speckle_noise"),
    "blur": ("defocus_blur", "glass_blur", "motion_blur", "zoom_blur", "gaussian_blur"),
    "weather": ("snow", "frost", "fog", "brightness", "spatter"),
    "digital": ("contrast", "elastic_transform", "pixelate", "jpeg_compression", "saturate"),
}  # as Hendrycks and Dietterich group them, each with its extra one


def by_corruption(judged: Judged) -> Chart:
    """A row a corruption, a dot a network at its mean error; dashed lines are the errors on clean pictures."""
    names = list(dict.fromkeys(name for _, result in judged for name in result.data["errors"]))
    dots = []
    for place, result in judged:
        means = [_mean(result, name) for name in names]
        clean = result.data.get("clean_error")
        dots.append(Dots([_hundred(v) for v in means], result.name, colour(place), _hundred(clean)))
    clean = " Dashed: on clean pictures." if any(d.line is not None for d in dots) else ""
    drawing = dot_rows(list(map(spelled, names)), dots, x_title="top-1 error, %", line_title="clean pictures")
    return Chart(f"top-1 error, %, mean over the severities.{clean}", drawing)


def over_severity(judged: Judged) -> list[Chart]:
    """The mean over all corruptions, then over each family; of a single network the corruptions themselves."""
    names = list(dict.fromkeys(name for _, result in judged for name in result.data["errors"]))
    groups = [("all corruptions", names)]
    groups += [(family, [name for name in members if name in names]) for family, members in _FAMILIES.items()]
    known = {name for members in _FAMILIES.values() for name in members}
    groups.append(("others", [name for name in names if name not in known]))
    made = []
    for title, members in groups:
        alone = len(judged) == 1 and title != "all corruptions"
        lines = _corruption_lines(judged[0][1], members) if alone else _network_lines(judged, members)
        if lines:
            made.append((title, lines, alone))
    values = [v for _, lines, _ in made for line in lines for v in line.mean]
    return [_chart(title, lines, values, alone) for title, lines, alone in made]


def _chart(title: str, lines: Sequence[Line], values: Sequence[float], alone: bool) -> Chart:
    text = f"{title}: top-1 error, %"
    drawing = curves(lines, y_title=text, x_title="severity", within=values)
    return Chart(text, drawing, [(line.title, line.style) for line in lines] if alone else ())


def _corruption_lines(result: Found, names: Sequence[str]) -> list[Line]:
    lines = [_line(_levels(result, name), spelled(name), colour(n)) for n, name in enumerate(names)]
    return [line for line in lines if len(line.x) > 1]


def _network_lines(judged: Judged, names: Sequence[str]) -> list[Line]:
    """Means over the corruptions, at the severities that all of them have."""
    lines = []
    for place, result in judged:
        errors = [_levels(result, name) for name in names if name in result.data["errors"]]
        shared = sorted(set.intersection(*map(set, errors))) if errors else []
        means = {level: fmean(of[level] for of in errors) for level in shared}
        lines.append(_line(means, result.name, colour(place)))
    return [line for line in lines if len(line.x) > 1]


def _levels(result: Found, name: str) -> dict[int, float]:
    return {int(level): error for level, error in result.data["errors"][name].items()}


def _line(of: dict[int, float], title: str, style: str) -> Line:
    levels = sorted(of)
    means = [100 * of[level] for level in levels]
    return Line(levels, means, means, means, title, style)


def of(heading: str, found: Sequence[Found]) -> list[Chart]:
    """What is drawn below the table of a heading."""
    draw: Callable[[Sequence[Found]], list[Chart]] | None = {"Attacks": _attacks}.get(heading)
    return [] if draw is None else draw(found)


def _attacks(found: Sequence[Found]) -> list[Chart]:
    lines: list[Line] = []
    for result in found:
        known = result.data.get("attacks") or {}
        for name in (name for name in known if name != "clean"):
            of = {float(e): error for e, error in {**(known.get("clean") or {}), **known[name]}.items()}
            at = sorted(of)
            means = [100 * of[e] for e in at]
            lines.append(Line(at, means, means, means, f"{result.name}, {name.upper()}", colour(len(lines))))
    if not lines:
        return []
    text = "top-1 error, %, by epsilon"
    drawing = curves(lines, y_title=text, x_title="epsilon, grey levels of 255")
    return [Chart(text, drawing, [(line.title, line.style) for line in lines])]


def _mean(result: Found, name: str) -> float | None:
    errors: dict[str, Any] = result.data["errors"].get(name) or {}
    return fmean(errors.values()) if errors else None


def _hundred(share: float | None) -> float | None:
    return None if share is None else 100 * share
