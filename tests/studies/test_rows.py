"""Rows: their plan, their records, the pictures of mistakes."""

import numpy as np

from covpool.recipes import Choice
from covpool.studies.linear import Judged
from covpool.studies.rows import Filled, Plan, mistakes, plan_rows, records, summed_confusion
from studies.tiny import CLASSES, pictures


def judged(predicted: list[int], confidence: float = 0.9) -> Judged:
    count = len(predicted)
    labels = np.arange(count) % 3
    return Judged(np.arange(count), labels, np.array(predicted), np.full(count, confidence, np.float32))


def test_average_comes_first_and_every_second_order_row_is_followed_by_its_control():
    choices = [Choice("gem"), Choice("isqrt", steps=3), Choice("avg"), Choice("covariance")]
    ids = [plan.id for plan in plan_rows(["conv4"], [None], choices, controls=True)]
    assert ids == [
        "conv4/avg",
        "conv4/gem",
        "conv4/isqrt(steps=3)",
        "conv4/isqrt(steps=3)+control",
        "conv4/covariance",
        "conv4/covariance+control",
    ]


def test_each_stage_has_its_own_baseline_and_controls_can_be_left_out():
    plans = plan_rows(["a", "b"], ["middle", "last"], [Choice("isqrt")], controls=False)
    assert [plan.id for plan in plans][:4] == ["a/middle/avg", "a/middle/isqrt", "a/last/avg", "a/last/isqrt"]
    assert [plan.role for plan in plans][:2] == ["baseline", "pool"]
    assert plans[3].baseline == "a/last/avg"


def test_records_hold_both_differences_and_the_roles():
    plans = plan_rows(["conv4"], [None], [Choice("isqrt")], controls=True)
    answers = ([0, 1, 0, 0, 1, 0], [0, 1, 2, 0, 1, 2], [0, 1, 0, 0, 1, 2])
    rows = [Filled(plan, [judged(list(said))] * 2, {"seconds": 1.0}) for plan, said in zip(plans, answers, strict=True)]
    average, pool, control = records(rows, pictures(6, 0))
    assert average["difference"] is None
    assert abs(pool["difference"]["mean"] - 2 / 6) < 1e-12
    assert pool["difference"]["to"] == "conv4/avg"
    assert abs(pool["difference_to_control"]["mean"] - 1 / 6) < 1e-12
    assert (control["control_of"], control["role"], control["order"]) == ("conv4/isqrt", "control", 1)
    assert control["pool"] == "isqrt"
    assert control["difference_to_control"] is None


def test_confusion_is_counted_over_all_seeds():
    counts = summed_confusion([judged([0, 1, 1]), judged([0, 0, 2])], 3)
    assert counts == [[2, 0, 0], [1, 1, 0], [0, 1, 1]]


def test_mistakes_are_those_of_most_seeds_and_the_surest_come_first():
    runs = [judged([1, 1, 0, 0], 0.6), judged([1, 0, 0, 0], 0.8), judged([0, 1, 1, 0], 0.7)]
    runs[1].confidence[0] = 0.99
    found = mistakes(runs, pictures(4, 0))
    assert [(m["key"], m["predicted"], m["wrong_seeds"]) for m in found] == [
        ("0/0", CLASSES[1], 2),
        ("0/2", CLASSES[0], 3),
    ]
    assert abs(found[1]["confidence"] - 0.7) < 1e-6
    assert found[0]["label"] == CLASSES[0]


def test_a_control_is_of_first_order():
    plan = Plan(backbone="conv4", stage=None, choice=Choice("isqrt"), control_of="conv4/isqrt")
    assert plan.order == 1
