"""Accuracy against cost: a point a network, and the line of those that none beats in both."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from covpool.reporting.drawing.plots import Point, scatter


def pareto_front(points: Sequence[Point]) -> list[Point]:
    """The points that no other one beats, from the cheapest to the dearest.

    One point beats another where it costs no more and reaches no less, and differs in one of them.

    Example:
        >>> cheap, dear, bad = (Point(x, y, None, None, "", "s1") for x, y in ((1, 70), (5, 80), (6, 75)))
        >>> pareto_front([dear, bad, cheap]) == [cheap, dear]
        True
    """
    front: list[Point] = []
    for point in sorted(points, key=lambda p: (p.x, -p.y)):
        if not front or point.y > front[-1].y or (point.x, point.y) == (front[-1].x, front[-1].y):
            front.append(point)
    return front


def cost_scatter(points: Sequence[Point], *, x_title: str, y_title: str = "accuracy, %") -> Markup:
    """The points on a logarithmic axis of cost, with their intervals and the steps of their Pareto front."""
    return scatter(points, x_title=x_title, y_title=y_title, front=pareto_front(points))
