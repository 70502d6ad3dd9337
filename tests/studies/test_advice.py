"""The advice: one case for each thing it can say."""

from typing import Any

from covpool.studies.advice import advise


def row(id: str, mean: float, *, role="pool", order=2, stage="middle", **changes: Any) -> dict[str, Any]:
    pool = id.split("/")[-1].removesuffix("+control")
    return {
        "id": id,
        "backbone": "net",
        "stage": stage,
        "pool": pool,
        "role": role,
        "order": order,
        "feature_map": [112, 14, 14],
        "reduced_to": None,
        "out_features": 112 if order == 1 and role != "control" else 6328,
        "accuracy": {"mean": mean, "low": mean - 0.02, "high": mean + 0.02},
        "difference": None,
        "difference_to_control": None,
        "cost": {"ms_per_image": 20.0},
        **changes,
    }


def gap(mean: float, noise: float = 0.02, to: str = "") -> dict[str, Any]:
    verdict = "within noise" if abs(mean) < noise else "better" if mean > 0 else "worse"
    return {"to": to, "mean": mean, "low": mean - noise, "high": mean + noise, "verdict": verdict}


def advice(*rows: dict[str, Any]) -> str:
    means = {each["id"]: each["accuracy"]["mean"] for each in rows}
    return advise(rows, lambda a, b: gap(means[a] - means[b]))


def average(mean: float, stage: str = "middle", **changes: Any) -> dict[str, Any]:
    return row(f"net/{stage}/avg", mean, role="baseline", order=1, stage=stage, **changes)


def isqrt(mean: float, own: float, control: float | None = None, stage: str = "middle", **changes: Any):
    to_control = None if control is None else gap(mean - control, to=f"net/{stage}/isqrt+control")
    return row(
        f"net/{stage}/isqrt", mean, stage=stage, difference=gap(own), difference_to_control=to_control, **changes
    )


def control(mean: float) -> dict[str, Any]:
    return row("net/middle/isqrt+control", mean, role="control", order=1)


def test_a_clear_gain_is_told_with_its_interval_its_control_and_its_cost():
    said = advice(average(0.73), isqrt(0.95, 0.22, 0.75), control(0.75))
    assert said.startswith("Second-order pooling pays here: isqrt on the middle stage of net reaches 95.0 %")
    assert "+22.0 points (+20.0 to +24.0)" in said
    assert "A longer vector does not explain it" in said
    assert "6,328 numbers instead of 112 (56 times as long)" in said


def test_a_control_that_is_as_good_takes_the_credit():
    said = advice(average(0.73), isqrt(0.95, 0.22, 0.945), control(0.945))
    assert "the longer vector alone may explain it" in said


def test_noise_is_called_noise():
    said = advice(average(0.95), isqrt(0.96, 0.01))
    assert said.startswith("No second-order pool is clearly better")
    assert "within noise" in said


def test_an_average_elsewhere_that_beats_the_gain_is_named():
    said = advice(average(0.73), isqrt(0.95, 0.22), average(0.98, "last"), isqrt(0.985, 0.005, stage="last"))
    assert "plain averaging of the last stage of net is better still" in said
    assert "+22.0 points" in said


def test_a_gain_over_the_best_average_of_another_stage_also_tells_the_gain_over_its_own():
    said = advice(average(0.63), isqrt(0.80, 0.17), average(0.72, "last"))
    assert said.startswith("Second-order pooling pays here")
    assert "avg on the last stage of net 72.0 %" in said
    assert "Over averaging the same map the gain is +17.0 points" in said


def test_a_loss_is_told():
    assert advice(average(0.9), isqrt(0.8, -0.1)).startswith("Second-order pooling does not pay here")


def test_few_positions_are_minded():
    said = advice(average(0.9), isqrt(0.95, 0.05, feature_map=[320, 4, 4], reduced_to=128))
    assert "16 positions bound the rank of a covariance of 128 channels to 15" in said
    assert "Mind" not in advice(average(0.9), isqrt(0.95, 0.05))


def test_a_first_order_rival_above_both_is_named():
    gem = row("net/middle/gem", 0.99, order=1, difference=gap(0.09))
    assert "gem on the middle stage of net is above both" in advice(average(0.9), gem, isqrt(0.95, 0.05))


def test_without_second_order_rows_it_says_so():
    assert "name second-order pools" in advice(average(0.9))
    gem = row("net/middle/gem", 0.905, order=1, difference=gap(0.005))
    assert "No second-order pool was in this comparison" in advice(average(0.9), gem)
