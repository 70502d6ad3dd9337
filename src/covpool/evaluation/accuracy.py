"""Accuracy and what surrounds it: top-k, confusion counts, per-class rates, an interval for a rate."""

from __future__ import annotations

from math import sqrt
from typing import NamedTuple

import torch
from scipy.stats import norm
from torch import Tensor


class Interval(NamedTuple):
    """A closed interval from ``low`` to ``high``."""

    low: float
    high: float


def topk_accuracy(logits: Tensor, labels: Tensor, k: int = 1) -> float:
    """Share of rows whose label is among the k highest logits; K < k counts as k = K.

    Ties take the lowest class index first (a stable sort); a row holding NaN is wrong.
    Shape: logits (n, K), labels (n,).

    Example:
        >>> topk_accuracy(torch.tensor([[0.1, 0.9], [0.8, 0.2]]), torch.tensor([1, 1]))
        0.5
    """
    if len(labels) == 0:
        raise ValueError("topk_accuracy() needs at least one row; got none")
    best = logits.argsort(dim=1, descending=True, stable=True)[:, :k]
    hit = (best == labels[:, None]).any(dim=1) & ~logits.isnan().any(dim=1)
    return hit.double().mean().item()


def confusion(labels: Tensor, predicted: Tensor, num_classes: int) -> Tensor:
    """Counts (K, K): row = true class, column = predicted class.

    Example:
        >>> confusion(torch.tensor([0, 0, 1]), torch.tensor([0, 1, 1]), 2)
        tensor([[1, 1],
                [0, 1]])
    """
    cells = labels * num_classes + predicted
    return torch.bincount(cells, minlength=num_classes**2).reshape(num_classes, num_classes)


def per_class_accuracy(counts: Tensor) -> list[float | None]:
    """Share of each class's pictures that were recognised, from confusion counts; None for a class without any.

    Example:
        >>> per_class_accuracy(torch.tensor([[3, 1], [0, 0]]))
        [0.75, None]
    """
    right, total = counts.diagonal().tolist(), counts.sum(dim=1).tolist()
    return [r / t if t else None for r, t in zip(right, total, strict=True)]


def wilson_interval(rate: float, total: float, level: float = 0.95, quantile: float | None = None) -> Interval:
    r"""Wilson's score interval of a proportion: it never leaves [0, 1] and has width at 0 and 1.

    $(\hat p + \frac{z^2}{2n} \pm z \sqrt{\hat p (1 - \hat p)/n + z^2 / 4n^2}) / (1 + z^2/n)$.
    Source: Wilson, JASA 1927.
    Args:
        rate: the observed proportion.
        total: number of trials; need not be whole (an effective number is allowed).
        level: coverage; 0.95 because readers expect it.
        quantile: takes the place of the normal quantile z, such as Student's t.

    Example:
        >>> low, high = wilson_interval(0.9, 100)
        >>> round(low, 4), round(high, 4)
        (0.8256, 0.9448)
    """
    if total <= 0 or not 0 <= rate <= 1:
        raise ValueError(f"wilson_interval() needs a rate in 0..1 and total > 0; got {rate} and {total}")
    z = float(norm.ppf(0.5 + level / 2)) if quantile is None else quantile
    shrink = 1 + z * z / total
    centre = (rate + z * z / (2 * total)) / shrink
    half = z * sqrt(rate * (1 - rate) / total + z * z / (4 * total * total)) / shrink
    return Interval(max(0.0, centre - half), min(1.0, centre + half))
