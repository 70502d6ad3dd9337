"""The softmax cross-entropy with label smoothing, and what all losses check of their smoothing."""

from __future__ import annotations

from torch import nn


def cross_entropy(*, smoothing: float = 0.0) -> nn.Module:
    """Softmax cross-entropy with label smoothing: the share ``smoothing`` is spread evenly over all classes.

    Soft targets y are smoothed as labels are, $(1 - s) y + s / K$: mixed first, smoothed afterwards.
    """
    return nn.CrossEntropyLoss(label_smoothing=checked_smoothing("cross-entropy", smoothing))


def checked_smoothing(name: str, smoothing: float) -> float:
    """``smoothing``, or a ValueError where it is no share."""
    if not 0.0 <= smoothing < 1.0:
        raise ValueError(f"the loss {name!r} needs a smoothing from 0 up to, not including, 1; got {smoothing}")
    return smoothing
