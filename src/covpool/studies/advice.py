"""One plain statement from the rows of a comparison: what to use, what it gains and what it costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]
Difference = Callable[[str, str], Mapping[str, Any]]


def advise(rows: Sequence[Row], difference: Difference) -> str:
    """What the rows say to somebody who must choose.

    The best second-order row is held against the best row of plain average pooling, wherever that is; against its
    width-matched control; and its vector and time are told. Rows of other first-order pools are named when they beat
    both. "Within noise" means that the interval of the paired difference holds 0.

    Args:
        rows: records of results.json.
        difference: (id, other id) -> paired difference with ``mean``, ``low``, ``high``, ``verdict``.
    """
    averages = [row for row in rows if row["role"] == "baseline"]
    second = [row for row in rows if row["role"] == "pool" and row["order"] == 2]
    average = _best(averages)
    if not second:
        return _first_order_only(rows, average, difference)
    best = _best(second)
    against = difference(best["id"], average["id"])
    parts = [
        _verdict(best, average, against),
        _elsewhere(second, best, average),
        _control(best, {row["id"]: row for row in rows}),
        _cost(best, average),
        _rival(rows, best, average, difference),
        _few_positions(second),
    ]
    return " ".join(part for part in parts if part)


def _best(rows: Sequence[Row]) -> Row:
    return max(rows, key=lambda row: row["accuracy"]["mean"])


def _verdict(best: Row, average: Row, against: Mapping[str, Any]) -> str:
    facts = f"{_name(best)} reaches {_accuracy(best)}, {_name(average)} {_accuracy(average)}"
    if against["verdict"] == "better":
        return f"Second-order pooling pays here: {facts}, a gain of {_points(against)}."
    if against["verdict"] == "worse":
        return f"Second-order pooling does not pay here: {facts}, a difference of {_points(against)}. Use the average."
    return (
        f"No second-order pool is clearly better than average pooling here: {facts}; the difference of "
        f"{_points(against)} is within noise. Use the average, which is shorter and faster, or test with more pictures or seeds."
    )


def _elsewhere(second: Sequence[Row], best: Row, average: Row) -> str:
    """The largest gain over averaging the same map, where another place is the better choice all the same."""
    gains = [row for row in second if row["difference"]["verdict"] == "better"]
    if not gains:
        return ""
    row = max(gains, key=lambda row: row["difference"]["mean"])
    gain = _points(row["difference"])
    if row["id"] == best["id"]:
        if _place(row) == _place(average):
            return ""
        return f"Over averaging the same map the gain is {gain}."
    if row["accuracy"]["mean"] >= average["accuracy"]["mean"]:
        return ""
    return (
        f"The largest gain over averaging the same map is {gain}, of {_name(row)} ({_accuracy(row)}); but the plain "
        f"average of {_place(average)} is better than both."
    )


def _control(best: Row, by_id: Mapping[str, Row]) -> str:
    to_control = best["difference_to_control"]
    if to_control is None or best["difference"]["verdict"] != "better":
        return ""
    control = by_id[to_control["to"]]
    width = f"averages expanded to the same {best['out_features']:,} numbers reach {_accuracy(control)}"
    if to_control["verdict"] == "better":
        return f"A longer vector does not explain it: {width}; {best['pool']} is {_points(to_control)} above."
    return f"But the longer vector alone may explain it: {width}; what is left is {_points(to_control)}."


def _cost(best: Row, average: Row) -> str:
    ratio = best["out_features"] / average["out_features"]
    times = f"{_milliseconds(best)} a picture against {_milliseconds(average)}"
    return (
        f"Cost: a vector of {best['out_features']:,} numbers instead of {average['out_features']:,} "
        f"({ratio:.0f} times as long), {times}."
    )


def _rival(rows: Sequence[Row], best: Row, average: Row, difference: Difference) -> str:
    """Another first-order pool that is above both."""
    others = [row for row in rows if row["role"] == "pool" and row["order"] == 1]
    if not others:
        return ""
    rival = _best(others)
    if rival["accuracy"]["mean"] <= max(best["accuracy"]["mean"], average["accuracy"]["mean"]):
        return ""
    to_best = difference(rival["id"], best["id"])
    say = f"{_name(rival)} is above both with {_accuracy(rival)}"
    if to_best["verdict"] == "better":
        return f"{say}, {_points(to_best)} above {_name(best)}: prefer it."
    return f"{say}, though within noise of {_name(best)}."


def _few_positions(second: Sequence[Row]) -> str:
    """Places where the covariance has fewer positions than channels, so that it cannot have full rank."""
    short = {}
    for row in second:
        channels, height, width = row["feature_map"]
        channels = row["reduced_to"] or channels
        if height * width - 1 < channels:
            short[_place(row)] = (height * width, channels)
    if not short:
        return ""
    worst = min(short, key=lambda place: short[place][0])
    positions, channels = short[worst]
    return (
        f"Mind the few positions: on {worst}, {positions} positions bound the rank of a covariance of {channels} "
        f"channels to {positions - 1}; larger pictures or an earlier stage give it more."
    )


def _first_order_only(rows: Sequence[Row], average: Row, difference: Difference) -> str:
    others = [row for row in rows if row["role"] == "pool"]
    if not others:
        return f"{_name(average)} reaches {_accuracy(average)}; name second-order pools, such as isqrt, to compare."
    best = _best(others)
    against = difference(best["id"], average["id"])
    facts = f"{_name(best)} reaches {_accuracy(best)}, {_name(average)} {_accuracy(average)}"
    noise = ", which is within noise" if against["verdict"] == "within noise" else ""
    return f"{facts}: a difference of {_points(against)}{noise}. No second-order pool was in this comparison."


def _place(row: Row) -> str:
    return row["backbone"] if row["stage"] is None else f"the {row['stage']} stage of {row['backbone']}"


def _name(row: Row) -> str:
    return f"{row['pool']} on {_place(row)}"


def _accuracy(row: Row) -> str:
    found = row["accuracy"]
    return f"{100 * found['mean']:.1f} % ({100 * found['low']:.1f} to {100 * found['high']:.1f})"


def _points(found: Mapping[str, Any]) -> str:
    return f"{100 * found['mean']:+.1f} points ({100 * found['low']:+.1f} to {100 * found['high']:+.1f})"


def _milliseconds(row: Row) -> str:
    return f"{row['cost']['ms_per_image']:.3g} ms"
