"""The learning rate and the frozen epochs are what their formulas say."""

from math import cos, pi

import numpy as np
import pytest

from covpool.recipes import ScheduleSpec
from covpool.training.parts.schedule import backbone_is_frozen, keep_prob, lr_factor
from golden_files import GOLDEN


def curve(schedule, steps_per_epoch):
    return [lr_factor(step, schedule, steps_per_epoch) for step in range(schedule.epochs * steps_per_epoch)]


def test_a_constant_rate_is_one_everywhere():
    assert curve(ScheduleSpec(kind="constant", epochs=3), 4) == [1.0] * 12


def test_the_warm_up_rises_to_one_in_equal_parts():
    warm = curve(ScheduleSpec(kind="constant", epochs=2, warmup_epochs=0.5), 8)
    assert warm == [0.25, 0.5, 0.75, 1.0] + [1.0] * 12


def test_steps_fall_at_their_epochs():
    falling = curve(ScheduleSpec(kind="step", epochs=4, milestones=(1, 3), gamma=0.5), 2)
    assert falling == [1, 1, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25]


def test_the_published_schedule_of_fast_mpncov_comes_out():
    schedule = ScheduleSpec(kind="step", epochs=65, milestones=(30, 45, 60))
    rates = [0.1 * lr_factor(epoch * 7, schedule, 7) for epoch in range(65)]
    assert rates == pytest.approx([0.1] * 30 + [0.01] * 15 + [0.001] * 15 + [0.0001] * 5)


def test_the_cosine_follows_its_formula_after_the_warm_up():
    schedule = ScheduleSpec(epochs=3, warmup_epochs=1, final_lr_ratio=0.1)
    after = curve(schedule, 5)[5:]
    assert after == pytest.approx([0.1 + 0.9 * (1 + cos(pi * t / 10)) / 2 for t in range(10)])


def test_a_second_stage_begins_with_its_own_warm_up_and_cosine():
    two = curve(ScheduleSpec(epochs=5, head_epochs=2, warmup_epochs=1), 4)
    alone = curve(ScheduleSpec(epochs=3, warmup_epochs=1), 4)
    assert two[8:] == pytest.approx(alone)
    assert two[:4] == pytest.approx([0.25, 0.5, 0.75, 1.0])


def test_the_warm_up_of_a_short_head_stage_takes_half_of_it():
    assert curve(ScheduleSpec(kind="constant", epochs=3, head_epochs=1, warmup_epochs=2), 4)[:4] == [0.5, 1, 1, 1]


def test_the_backbone_is_frozen_in_the_first_stage_or_throughout():
    assert [backbone_is_frozen(e, ScheduleSpec(epochs=3, head_epochs=2)) for e in range(3)] == [True, True, False]
    assert [backbone_is_frozen(e, ScheduleSpec(epochs=2, freeze_backbone=True)) for e in range(2)] == [True, True]
    assert not backbone_is_frozen(0, ScheduleSpec())


def test_a_polynomial_falls_by_its_power_and_stays_at_its_end():
    falling = curve(ScheduleSpec(kind="polynomial", epochs=3, power=2.0, curve_epochs=2.0, final_lr_ratio=0.2), 2)
    assert falling == pytest.approx([0.2 + 0.8 * (1 - min(1, t / 4)) ** 2 for t in range(6)])


def test_an_exponential_falls_by_gamma_an_epoch():
    assert curve(ScheduleSpec(kind="exponential", epochs=2, gamma=0.25), 2) == pytest.approx([1, 0.5, 0.25, 0.125])


def test_a_piecewise_rate_goes_straight_from_factor_to_factor():
    straight = curve(ScheduleSpec(kind="piecewise", epochs=4, milestones=(1, 3), factors=(0.5, 0.1)), 2)
    assert straight == pytest.approx([1, 0.75, 0.5, 0.4, 0.3, 0.2, 0.1, 0.1])


def test_a_rate_that_changes_an_epoch_at_a_time_keeps_the_value_of_its_start():
    by_step = curve(ScheduleSpec(epochs=3, warmup_epochs=1, warmup_from=0.0), 4)
    by_epoch = curve(ScheduleSpec(epochs=3, warmup_epochs=1, warmup_from=0.0, each="epoch"), 4)
    assert by_epoch == [by_step[4 * (step // 4)] for step in range(12)]


def test_a_warm_up_may_start_at_zero_or_above_and_cover_the_curve():
    from_zero = curve(ScheduleSpec(epochs=2, warmup_epochs=1, warmup_from=0.0), 4)
    assert from_zero[:5] == pytest.approx([0, 0.25, 0.5, 0.75, 1])
    covering = curve(ScheduleSpec(epochs=2, warmup_epochs=1, warmup_from=0.5, warmup_covers=True), 4)
    assert covering[:4] == pytest.approx([0.5, 0.625, 0.75, 0.875])
    assert covering[4:] == pytest.approx([(1 + cos(pi * t / 8)) / 2 for t in range(4, 8)])


def test_what_dropblock_keeps_falls_in_a_straight_line():
    schedule = ScheduleSpec(keep_prob=(1.0, 0.9))
    assert [keep_prob(step, schedule, 10) for step in (0, 5, 10, 20)] == pytest.approx([1.0, 0.95, 0.9, 0.9])


CURVES = np.load(GOLDEN / "assembled" / "training" / "lr_curves.npz")
_IMAGENET, _FOOD = 1281167 / 1024, 75750 / 256  # batches of an epoch, a broken number in the release
# The release counts in steps of a broken number an epoch: here a step is an epoch, so that its integers come out.
_RELEASED = {
    "imagenet_cosine_120ep_warm5_b1024_lr0.4": (0.4, "cosine", int(_IMAGENET * 120), int(_IMAGENET * 5), {}),
    "imagenet_cosine_600ep_warm5_b1024_lr0.4": (0.4, "cosine", int(_IMAGENET * 600), int(_IMAGENET * 5), {}),
    "food101_cosine_100ep_warm5_b256_lr0.01": (0.01, "cosine", int(_FOOD * 100), int(_FOOD * 5), {}),
    # "step <= boundary keeps the old rate": ours changes at the step after it
    "piecewise_food_b256_lr0.1": (
        0.1,
        "step",
        40000,
        0,
        {"milestones": tuple(int(_FOOD * e) + 1 for e in (30, 60, 80, 90)), "gamma": 0.1},
    ),
    "exponential_food_b256_lr0.1_warm1": (
        0.1,
        "step",
        40000,
        int(_FOOD),
        {"milestones": tuple(int(_FOOD) + n * int(_FOOD * 2) for n in range(1, 60)), "gamma": 0.94},
    ),
    # its end_learning_rate is 1e-4
    "polynomial_food_b256_lr0.1_nepd10": (
        0.1,
        "polynomial",
        40000,
        int(_FOOD),
        {"curve_epochs": float(int(_FOOD * 10)), "final_lr_ratio": 1e-3},
    ),
}


@pytest.mark.parametrize("name", _RELEASED)
def test_the_rates_of_assemble_come_out(name):
    lr, kind, steps, warmup, more = _RELEASED[name]
    schedule = ScheduleSpec(kind=kind, epochs=steps, warmup_epochs=warmup, warmup_from=0.0, **more)
    rates = [lr * lr_factor(step, schedule, 1) for step in CURVES[f"{name}_steps"].tolist()]
    assert rates == pytest.approx(CURVES[name].tolist(), rel=2e-4, abs=1e-7)


def test_what_dropblock_keeps_in_assemble_comes_out():
    schedule = ScheduleSpec(keep_prob=(0.9, 0.7))
    kept = [keep_prob(step, schedule, int(_FOOD * 100)) for step in CURVES["keep_prob_food_steps"].tolist()]
    assert kept == pytest.approx(CURVES["keep_prob_food_0.9_0.7"].tolist(), rel=1e-6)


@pytest.mark.parametrize("kind", ["cosine", "polynomial"])
def test_with_a_length_in_steps_the_curve_ends_with_them(kind):
    in_steps = ScheduleSpec(kind=kind, epochs=99, steps=14)
    in_epochs = ScheduleSpec(kind=kind, epochs=2)
    assert [lr_factor(s, in_steps, 7) for s in range(14)] == [lr_factor(s, in_epochs, 7) for s in range(14)]
    assert lr_factor(14, in_steps, 7) == 0.0
    assert lr_factor(4, ScheduleSpec(kind=kind, steps=5), 7) < lr_factor(4, in_epochs, 7)


def test_a_head_stage_longer_than_all_steps_ends_with_them():
    schedule = ScheduleSpec(steps=5, head_epochs=1)
    assert [lr_factor(step, schedule, 7) > 0 for step in range(5)] == [True] * 5
