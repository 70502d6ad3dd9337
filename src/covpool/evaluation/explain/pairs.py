r"""The pairs of channels that decide a score, where the statistic is a sum over products of two channels.

With the statistic :math:`S = \frac1N\sum_n \phi_n` and its path-integrated gradient G the pair i, j adds
:math:`G_{ij}S_{ij} + G_{ji}S_{ji}`, at position n the share :math:`(G_{ij}+G_{ji})\,z_{ni}z_{nj}/N` of it (z from
their start). All pairs add up to what all positions do.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from covpool.evaluation.explain.contributions import Contributions
from covpool.evaluation.explain.descriptors import ScaledHead

_SAME = 1e-6


@dataclass(frozen=True)
class Pair:
    """Two channels (equal for a variance) and what their products add to the score.

    Attributes:
        first, second: channels of the descriptors, after the pool's reduction.
        candidate: which of the chosen candidates of a mixture; 0 elsewhere.
        amount: what they add.
        positions: (N,), its parts; they sum to ``amount``.
        entry: classifier weight times entry of the normalised vector that stands at this pair, where there is such.
    """

    first: int
    second: int
    candidate: int
    amount: float
    positions: Tensor
    entry: float | None


def channel_pairs(head: ScaledHead, found: Contributions, limit: int = 6) -> list[Pair]:
    """The ``limit`` pairs that add or take most, largest first; none where the statistic is no such sum."""
    products = _products(head)
    if found.slope is None or products is None:
        return []
    amounts = found.slope * products
    amounts = (amounts + amounts.mT).triu(1) + amounts.tril(0).triu(0)
    best = amounts.abs().flatten().topk(min(limit, amounts.numel())).indices
    places = [tuple(int(k) for k in torch.unravel_index(place, amounts.shape)) for place in best]
    return [_pair(head, found.slope, amounts, place) for place in places if amounts[place]]


def _products(head: ScaledHead) -> Tensor | None:
    """Mean products of the deviations (B', C, C), if the statistic rises by just them."""
    end, start = head.matrix(1), head.matrix(0)
    if end is None or start is None:
        return None
    deviations = head.deviations
    products = deviations @ deviations.mT / deviations.shape[-1]
    return products if (end - start - products).norm() <= _SAME * products.norm() else None


def _pair(head: ScaledHead, slope: Tensor, amounts: Tensor, place: tuple[int, ...]) -> Pair:
    candidate, i, j = place
    deviations = head.deviations[candidate]
    weight = slope[candidate, i, j] + (slope[candidate, j, i] if i != j else 0)
    positions = weight * deviations[i] * deviations[j] / deviations.shape[-1]
    return Pair(i, j, candidate, amounts[place].item(), positions, _entry(head, i, j))


def _entry(head: ScaledHead, i: int, j: int) -> float | None:
    """Weight times value at (i, j) of a triangle or of a whole matrix; None for other vectors."""
    channels, vector = head.deviations.shape[1], head.vector(1)
    weights = head.weights()
    if weights is None or len(head.deviations) > 1:
        return None
    terms = weights[-len(vector) :] * vector  # a class token stands in front
    if len(vector) == channels * (channels + 1) // 2:
        row, column = min(i, j), max(i, j)
        return terms[row * channels - row * (row - 1) // 2 + column - row].item()
    if len(vector) == channels * channels:
        return (terms[i * channels + j] + (terms[j * channels + i] if i != j else 0)).item()
    return None
