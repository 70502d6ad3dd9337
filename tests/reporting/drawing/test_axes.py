import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from covpool.reporting.drawing.axes import Scale, tag, tick_label


def test_a_linear_scale_maps_its_ends_to_0_and_100_percent():
    scale = Scale(20.0, 40.0)
    assert (scale.at(20), scale.at(40), scale.percent(25), scale.from_top(25)) == (0, 100, "25.00%", "75.00%")


def test_a_logarithmic_scale_puts_the_geometric_mean_in_the_middle():
    assert Scale(1.0, 100.0, log=True).at(10) == pytest.approx(50)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # a busy machine is no fault of a scale
@given(st.lists(st.integers(-(10**9), 10**9).map(lambda n: n / 1000), min_size=1, max_size=6), st.booleans())
def test_a_scale_around_values_holds_them_and_has_ticks(values, log):
    values = [abs(v) + 1e-3 for v in values] if log else values
    scale = Scale.around(values, log=log)
    assert all(-1e-6 <= scale.at(v) <= 100 + 1e-6 for v in values)
    ticks = scale.ticks()
    assert 1 <= len(ticks) <= 12
    assert all(-1e-6 <= scale.at(t) <= 100 + 1e-6 for t in ticks)
    assert ticks == sorted(ticks)


def test_a_scale_around_one_value_or_none_still_has_a_width():
    for values in ([5.0], [5.0, 5.0], [0.0], [None], []):
        scale = Scale.around(values)
        assert scale.high > scale.low
        assert math.isfinite(scale.at(5.0))


def test_linear_ticks_are_round_numbers():
    assert Scale(0.0, 1.0).ticks(5) == pytest.approx([0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert [tick_label(t) for t in Scale(84.0, 91.0).ticks(5)] == ["84", "86", "88", "90"]


def test_logarithmic_ticks_are_one_two_five_or_decades():
    assert Scale(0.9, 1100.0, log=True).ticks(5) == [1, 3, 10, 30, 100, 300, 1000]
    assert Scale(0.4, 6.0, log=True).ticks(5) == [0.5, 1, 2, 5]


def test_elements_escape_text_and_attributes():
    element = tag("text", "<b>&", title='"quoted"', x=1.50, y=None)
    assert str(element) == '<text title="&#34;quoted&#34;" x="1.5">&lt;b&gt;&amp;</text>'
