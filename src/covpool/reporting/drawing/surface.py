"""A function on a square as coloured cells."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from covpool.reporting.drawing.axes import Scale, tag, tick_label

_SIDE = 260


def surface(steps: Sequence[float], values: Sequence[Sequence[float]], *, low: float, high: float, what: str) -> Markup:
    """Cells of ``values`` (row a, column b, both at ``steps``), pale at ``low`` and full at ``high``.

    Several surfaces that are compared take the same ``low`` and ``high``. A cell shows its value on hover.
    """
    count, width = len(steps), 100 / len(steps)
    span = (high - low) or 1.0
    cells = []
    for row, line in enumerate(values):
        for column, value in enumerate(line):
            share = min(max((value - low) / span, 0.0), 1.0)
            cells.append(
                tag(
                    "rect",
                    tag("title", f"{what} {value:.4g} at ({steps[row]:.3g}, {steps[column]:.3g})"),
                    x=f"{column * width:.3f}%",
                    y=f"{(count - 1 - row) * width:.3f}%",
                    width=f"{width + 0.05:.3f}%",
                    height=f"{width + 0.05:.3f}%",
                    style=f"fill: color-mix(in srgb, var(--accent) {100 * share:.1f}%, var(--panel))",
                )
            )
    scale = Scale(steps[0] * count / (count - 1), steps[-1] * count / (count - 1))
    ticks = (steps[0], 0.0, steps[-1])
    labels = [
        *(tag("text", tick_label(t), x=scale.percent(t), y="100%", dy="16", text_anchor="middle") for t in ticks),
        *(tag("text", tick_label(t), x="-8", y=scale.from_top(t), dy=".32em", text_anchor="end") for t in ticks),
    ]
    return tag("svg", *cells, *labels, class_="chart", role="img", aria_label=f"{what} on a square", height=_SIDE)
