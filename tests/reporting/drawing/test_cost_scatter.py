import numpy as np

from covpool.reporting.drawing.cost_scatter import cost_scatter, pareto_front
from covpool.reporting.drawing.plots import Point


def point(x: float, y: float) -> Point:
    return Point(x, y, None, None, f"{x}, {y}", "s1")


def test_the_front_is_what_no_point_beats_by_brute_force():
    rng = np.random.default_rng(0)
    points = [point(float(x), float(y)) for x, y in rng.integers(1, 12, (60, 2))]

    def beaten(p: Point) -> bool:
        return any(q.x <= p.x and q.y >= p.y and (q.x, q.y) != (p.x, p.y) for q in points)

    front = pareto_front(points)
    assert sorted((p.x, p.y) for p in front) == sorted((p.x, p.y) for p in points if not beaten(p))
    assert [p.x for p in front] == sorted(p.x for p in front)


def test_the_steps_of_the_front_are_drawn_where_there_are_two():
    drawn = cost_scatter([point(1, 70), point(10, 80), point(20, 75)], x_title="ms per image")
    assert drawn.count("front") == 1
    assert "accuracy, % against ms per image" in drawn
    assert "front" not in cost_scatter([point(1, 80), point(10, 70)], x_title="ms per image")
