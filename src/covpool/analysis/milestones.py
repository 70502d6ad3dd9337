"""Epochs to reach a given accuracy, from the accuracies that a run noted."""

from __future__ import annotations

from collections.abc import Sequence


def epochs_to_reach(accuracies: Sequence[float | None], target: float) -> float | None:
    """Epochs until the accuracy is at ``target`` for the first time, on a straight line between evaluations.

    ``accuracies[k]`` is that after epoch k + 1. A target reached at the first evaluation counts as that epoch whole,
    since nothing is known of what came before; a later fall does not matter; None: never reached. Epochs without an
    accuracy (None) are passed over.

    Example:
        >>> epochs_to_reach([0.5, 0.7, 0.9], 0.8), epochs_to_reach([0.5, 0.7], 0.8)
        (2.5, None)
    """
    before: tuple[int, float] | None = None
    for epoch, value in enumerate(accuracies, start=1):
        if value is None:
            continue
        if value >= target:
            return float(epoch) if before is None else _between(before, (epoch, value), target)
        before = epoch, value
    return None


def _between(before: tuple[int, float], after: tuple[int, float], target: float) -> float:
    (start, low), (end, high) = before, after
    return start + (end - start) * (target - low) / (high - low)
