"""What the learning rate is, and what learns, at each step: pure functions, so that resuming is exact."""

from __future__ import annotations

from math import cos, pi

from covpool.recipes import ScheduleSpec


def backbone_is_frozen(epoch: int, schedule: ScheduleSpec) -> bool:
    """Whether only the head learns in this epoch: always, or in the first of two stages.

    Example:
        >>> [backbone_is_frozen(epoch, ScheduleSpec(head_epochs=1)) for epoch in (0, 1)]
        [True, False]
    """
    return schedule.freeze_backbone or epoch < schedule.head_epochs


def lr_factor(step: int, schedule: ScheduleSpec, steps_per_epoch: int) -> float:
    r"""Factor of the recipe's learning rate for optimizer step ``step``, counted from 0.

    Warm-up: $(t + 1) / T_w$, so that the first step learns and the last one of the warm-up is at full rate.
    Cosine: $r + (1 - r) \frac{1 + \cos(\pi t / T)}{2}$ over the steps after the warm-up, $r$ = final_lr_ratio.
    Step: gamma to the number of milestones (epochs of the whole run) that have begun.
    With ``head_epochs`` each of the two stages has its own warm-up and its own cosine; a warm-up takes at most
    half of the first stage.
    """
    boundary = schedule.head_epochs * steps_per_epoch
    in_head_stage = step < boundary
    start, end = (0, boundary) if in_head_stage else (boundary, schedule.epochs * steps_per_epoch)
    warmup = round(schedule.warmup_epochs * steps_per_epoch)
    warmup = min(warmup, (end - start) // 2 if in_head_stage else end - start)
    done = step - start
    ramp = (done + 1) / warmup if done < warmup else 1.0
    return ramp * _shape(step // steps_per_epoch, max(0, done - warmup), end - start - warmup, schedule)


def _shape(epoch: int, done: int, length: int, schedule: ScheduleSpec) -> float:
    if schedule.kind == "cosine":
        rest = 1.0 - schedule.final_lr_ratio
        return schedule.final_lr_ratio + rest * (1.0 + cos(pi * done / max(1, length))) / 2.0
    if schedule.kind == "step":
        return schedule.gamma ** sum(milestone <= epoch for milestone in schedule.milestones)
    return 1.0
