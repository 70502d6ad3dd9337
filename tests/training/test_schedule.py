"""The learning rate and the frozen epochs are what their formulas say."""

from math import cos, pi

import pytest

from covpool.recipes import ScheduleSpec
from covpool.training.schedule import backbone_is_frozen, lr_factor


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
