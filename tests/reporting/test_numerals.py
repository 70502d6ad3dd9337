import pytest

from covpool.reporting.numerals import count, duration, interval, percent, points, short, three_digits


def test_what_is_unknown_is_a_dash():
    assert {percent(None), points(None), count(None), short(None), three_digits(None), duration(None)} == {"\u2013"}
    assert interval(None, 0.5) == ""


@pytest.mark.parametrize(
    ("value", "shown"), [(0.0004, "0.0"), (-0.0004, "0.0"), (-0.0153, "\u22121.5"), (0.02, "+2.0")]
)
def test_a_difference_has_a_sign_unless_it_rounds_to_zero(value, shown):
    assert points(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"), [(999, "999"), (1000, "1.00 k"), (999_999, "1000 k"), (2.1e6, "2.10 M"), (4.1e9, "4.10 G")]
)
def test_large_numbers_are_shortened(value, shown):
    assert short(value) == shown


@pytest.mark.parametrize(("value", "shown"), [(0.0123, "0.012"), (0.99999, "1.00"), (9.999, "10.0"), (99.99, "100")])
def test_three_digits_survive_rounding_up(value, shown):
    assert three_digits(value) == shown


def test_durations_carry_into_minutes_and_hours():
    assert [duration(s) for s in (59.9, 119.6, 3599.7)] == ["59.9 s", "2 min 00 s", "1 h 00 min"]
