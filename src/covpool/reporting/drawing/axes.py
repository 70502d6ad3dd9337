"""Scales, ticks and SVG elements.

Charts are drawn in percent of their box, so that they follow the width of the window while their text keeps
its size; colours come from the page's style sheet, so that they follow light and dark.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from markupsafe import Markup, escape


def tag(name: str, *content: str, **attributes: object) -> Markup:
    """An element; ``class_`` and ``x_y`` become ``class`` and ``x-y``, everything is escaped.

    Example:
        >>> str(tag("text", "a < b", class_="tick", text_anchor="end"))
        '<text class="tick" text-anchor="end">a &lt; b</text>'
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_number(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{name}{written}>{Markup('').join(content)}</{name}>")


def _number(value: object) -> object:
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else value


@dataclass(frozen=True)
class Scale:
    """From a value to percent of the axis, linear or logarithmic."""

    low: float
    high: float
    log: bool = False

    @classmethod
    def around(cls, values: Iterable[float | None], *, log: bool = False, margin: float = 0.06) -> Scale:
        """A scale that holds ``values`` with some air on both sides."""
        known = [v for v in values if v is not None and (v > 0 or not log)] or [1.0 if log else 0.0]
        low, high = _bend(min(known), log), _bend(max(known), log)
        air = (high - low) * margin or (0.3 if log else abs(high) * 0.1 or 1.0)
        return cls(_unbend(low - air, log), _unbend(high + air, log), log)

    def at(self, value: float) -> float:
        """Percent from the low end."""
        low, high = _bend(self.low, self.log), _bend(self.high, self.log)
        return 100 * (_bend(value, self.log) - low) / (high - low)

    def percent(self, value: float) -> str:
        """Percent from the low end as an SVG length."""
        return f"{self.at(value):.2f}%"

    def from_top(self, value: float) -> str:
        """Percent from the high end as an SVG length: the y of a chart."""
        return f"{100 - self.at(value):.2f}%"

    def ticks(self, about: int = 5) -> list[float]:
        """Round values inside the scale, about as many as asked."""
        if self.log:
            return self._log_ticks(about)
        step = _round_step((self.high - self.low) / about)
        first = math.ceil(self.low / step - 1e-9)
        return [k * step for k in range(first, math.floor(self.high / step + 1e-9) + 1)]

    def _log_ticks(self, about: int) -> list[float]:
        decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        for steps in ((1, 2, 5), (1, 3), (1,)):
            ticks = [s * 10.0**d for d in decades for s in steps if self.low <= s * 10.0**d <= self.high]
            if len(ticks) <= about + 2:
                break
        return ticks if len(ticks) > 1 else Scale(self.low, self.high).ticks(about)


def tick_label(value: float) -> str:
    """A tick's number without needless zeros.

    Example:
        >>> tick_label(0.5), tick_label(20.0), tick_label(2500000.0), tick_label(0.00005)
        ('0.5', '20', '2.5M', '0.00005')
    """
    for size, letter in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.4g}{letter}"
    text = f"{value:.4g}"
    return f"{value:.7f}".rstrip("0") if text.endswith(("e-05", "e-06")) else text


def _bend(value: float, log: bool) -> float:
    return math.log10(value) if log else value


def _unbend(value: float, log: bool) -> float:
    return 10.0**value if log else value


def _round_step(step: float) -> float:
    size = 10.0 ** math.floor(math.log10(step))
    return next(factor * size for factor in (1, 2, 2.5, 5, 10) if step <= factor * size * 1.0001)
