import re
from xml.etree import ElementTree

from covpool.reporting.drawing.axes import Scale
from covpool.reporting.drawing.plots import Line, Point, axis_below, curves, scatter, whisker

ROW = {"accuracy": {"mean": 0.9, "low": 0.85, "high": 0.95, "per_seed": [0.89, 0.91]}}


def circles(svg, style):
    return [e for e in ElementTree.fromstring(svg).iter("circle") if style in e.get("class", "").split()]


def test_a_track_has_a_dot_at_the_mean_and_one_for_every_seed():
    track = whisker(ROW, Scale(80.0, 100.0), "isqrt <1>")
    assert [c.get("cx") for c in circles(track, "dot")] == ["50.00%"]
    assert [c.get("cx") for c in circles(track, "seed")] == ["45.00%", "55.00%"]
    ends = [e for e in ElementTree.fromstring(track).iter("line") if e.get("class") == "whisker"]
    assert (ends[0].get("x1"), ends[0].get("x2")) == ("25.00%", "75.00%")
    assert "isqrt &lt;1&gt;" in track


def test_a_track_without_interval_or_seeds_still_has_its_dot():
    row = {"accuracy": {"mean": 0.9, "low": None, "high": None, "per_seed": None}}
    assert len(circles(whisker(row, Scale(80.0, 100.0), "x"), "dot")) == 1


def test_the_axis_names_its_ticks():
    texts = [e.text for e in ElementTree.fromstring(axis_below(Scale(80.0, 90.0))).iter("text")]
    assert texts == ["80", "82", "84", "86", "88", "90"]


def test_a_scatter_plot_has_a_mark_for_every_point():
    points = [
        Point(1.0, 90.0, 89.0, 91.0, "a", "s1"),
        Point(10.0, 95.0, None, None, "b & c", "s2 control", "diamond"),
    ]
    root = ElementTree.fromstring(scatter(points, x_title="ms", y_title="accuracy"))
    assert [e.text for e in root.iter("title")] == ["a", "b & c"]
    assert len([e for e in root.iter("line") if e.get("class", "").startswith("whisker")]) == 1


def test_a_curve_ends_at_its_last_mean_and_its_band_holds_all_seeds():
    line = Line([1, 2, 3], [10.0, 20.0, 30.0], [9.0, 18.0, 29.0], [11.0, 22.0, 31.0], "isqrt", "s1")
    root = ElementTree.fromstring(curves([line], y_title="accuracy"))
    band, curve = next(root.iter("polygon")), next(root.iter("polyline"))
    assert len(band.get("points").split()) == 6
    ys = [float(p.split(",")[1]) for p in curve.get("points").split()]
    assert ys == sorted(ys, reverse=True)
    ticks = [e.text for e in root.iter("text") if e.get("text-anchor") == "middle" and e.get("class") == "tick"]
    assert ticks == ["1", "2", "3"]


def test_a_curve_of_one_epoch_is_drawn():
    line = Line([1], [10.0], [10.0], [10.0], "avg", "s0")
    svg = curves([line], y_title="accuracy")
    assert circles(svg, "end")
    assert "nan" not in svg


def test_charts_have_no_ids_that_could_collide():
    line = Line([1, 2], [1.0, 2.0], [1.0, 2.0], [1.0, 2.0], "x", "s1")
    assert not re.search(r'\sid="', curves([line], y_title="a") + whisker(ROW, Scale(80.0, 100.0), "x"))
