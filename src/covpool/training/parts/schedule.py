"""What the learning rate is, and what learns, at each step: pure functions, so that resuming is exact."""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, pi

from covpool.recipes import ScheduleSpec


def backbone_is_frozen(epoch: int, schedule: ScheduleSpec) -> bool:
    """Whether only the head learns in this epoch: always, or in the first of two stages.

    Example:
        >>> [backbone_is_frozen(epoch, ScheduleSpec(head_epochs=1)) for epoch in (0, 1)]
        [True, False]
    """
    return schedule.freeze_backbone or epoch < schedule.head_epochs


def total_steps(schedule: ScheduleSpec, steps_per_epoch: int) -> int:
    """Optimizer steps of the whole training: as many as the schedule says, or those of its epochs.

    Example:
        >>> total_steps(ScheduleSpec(epochs=3), 7), total_steps(ScheduleSpec(steps=5), 7)
        (21, 5)
    """
    return schedule.epochs * steps_per_epoch if schedule.steps is None else schedule.steps


def lr_factor(step: int, schedule: ScheduleSpec, steps_per_epoch: int) -> float:
    r"""Factor of the recipe's learning rate for optimizer step ``step``, counted from 0.

    With $t$ epochs of the curve done and $T$ to do (``curve_epochs``, else all that follow the warm-up; all there are,
    with ``warmup_covers``), $r$ = final_lr_ratio:

    - cosine: $r + (1 - r) \frac{1 + \cos(\pi t / T)}{2}$; polynomial: $r + (1 - r)(1 - t / T)^{power}$;
    - exponential: $gamma^t$; step: gamma to the number of milestones (epochs of the whole run) that have begun;
    - piecewise: straight lines through 1 at 0 and the factors at the milestones (epochs of the whole run).

    Warm-up over $w$ steps: $f + (1 - f) s / w$ in step $s$ from ``warmup_from`` $f$; without it $(s + 1) / w$, so that
    the first step learns and the last one of the warm-up is at full rate. With ``steps`` the curve ends with them.
    With ``head_epochs`` each of the two stages
    has its own warm-up and its own curve; a warm-up takes at most half of the first stage. ``each="epoch"``: as at
    the first step of the epoch.
    """
    step -= step % steps_per_epoch if schedule.each == "epoch" else 0
    last = total_steps(schedule, steps_per_epoch)
    boundary = min(last, schedule.head_epochs * steps_per_epoch)
    in_head_stage = step < boundary
    start, end = (0, boundary) if in_head_stage else (boundary, last)
    warmup = round(schedule.warmup_epochs * steps_per_epoch)
    warmup = min(warmup, (end - start) // 2 if in_head_stage else end - start)
    done = step - start
    if done < warmup:
        top = _shape(step, 0, 1, schedule, steps_per_epoch) if schedule.kind == "step" else 1.0
        return top * _ramp(done, warmup, schedule)
    covered = 0 if schedule.warmup_covers else warmup
    length = end - start - covered
    if schedule.curve_epochs is not None:
        length = round(schedule.curve_epochs * steps_per_epoch)
    return _shape(step, done - covered, length, schedule, steps_per_epoch)


def _ramp(done: int, warmup: int, schedule: ScheduleSpec) -> float:
    low = schedule.warmup_from
    return (done + 1) / warmup if low is None else low + (1.0 - low) * done / warmup


def _shape(step: int, done: int, length: int, schedule: ScheduleSpec, steps_per_epoch: int) -> float:
    part, rest = min(1.0, done / max(1, length)), 1.0 - schedule.final_lr_ratio
    if schedule.kind == "cosine":
        return schedule.final_lr_ratio + rest * (1.0 + cos(pi * part)) / 2.0
    if schedule.kind == "polynomial":
        return schedule.final_lr_ratio + rest * (1.0 - part) ** schedule.power
    if schedule.kind == "exponential":
        return schedule.gamma ** (done / steps_per_epoch)
    if schedule.kind == "step":
        return schedule.gamma ** sum(milestone <= step // steps_per_epoch for milestone in schedule.milestones)
    if schedule.kind == "piecewise":
        return _between(step / steps_per_epoch, (0, *schedule.milestones), (1.0, *schedule.factors))
    return 1.0


def _between(place: float, places: Sequence[float], values: Sequence[float]) -> float:
    """The straight line between the neighbours of ``place``; the last value after the last place."""
    after = next((i for i, known in enumerate(places) if known > place), None)
    if after is None:
        return values[-1]
    share = (place - places[after - 1]) / (places[after] - places[after - 1])
    return values[after - 1] + share * (values[after] - values[after - 1])


def keep_prob(step: int, schedule: ScheduleSpec, steps: int) -> float:
    """What DropBlock keeps in optimizer step ``step`` of ``steps``, with a schedule that says so.

    Source: Assemble-ResNet, a straight line over all steps of the training.

    Example:
        >>> [keep_prob(step, ScheduleSpec(keep_prob=(1.0, 0.5)), 2) for step in range(2)]
        [1.0, 0.75]
    """
    assert schedule.keep_prob is not None
    first, last = schedule.keep_prob
    return first + (last - first) * min(1.0, step / max(1, steps))
