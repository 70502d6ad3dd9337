"""The learning rate and the frozen epochs are what their formulas say."""

from math import cos, pi

import pytest

from covpool.recipes import ScheduleSpec
from covpool.training.parts.schedule import backbone_is_frozen, keep_prob, lr_factor


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
