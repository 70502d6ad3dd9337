"""How evenly the gradients of single examples spread over directions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from covpool.analysis.objective import NotFinite, Objective
from covpool.functional.spectrum.rank import effective_rank

MOST_BYTES = 256 * 2**20  # of the example gradients that are held at a time


def gram_of_gradients(objective: Objective, examples: int, *, most_bytes: int = MOST_BYTES) -> Tensor:
    r"""Inner products :math:`K_{ij} = \langle g_i, g_j \rangle` of the gradients of the first ``examples`` examples.

    Gradients are held in blocks of at most ``most_bytes``; where they do not fit into one, those of a column of blocks
    are computed again for each row, which costs time instead of memory. The mode must let an example have a loss of
    its own: "evaluation" or "calibrated".

    Shape: -> (examples, examples), float64.
    """
    if objective.has_batch_statistics:
        raise ValueError(
            "single examples have no gradient of their own where batch norm sees the batch; measure with the mode "
            "'calibrated' or 'evaluation'"
        )
    examples = min(examples, objective.examples)
    size = max(1, most_bytes // (2 * len(objective.start) * objective.start.element_size()))
    blocks = [range(first, min(first + size, examples)) for first in range(0, examples, size)]
    gram = torch.zeros(examples, examples, dtype=torch.float64)
    for row in blocks:
        left = _gradients(objective, row)
        for column in blocks[blocks.index(row) :]:
            right = left if column == row else _gradients(objective, column)
            product = (left @ right.T).double().cpu()
            gram[row.start : row.stop, column.start : column.stop] = product
            gram[column.start : column.stop, row.start : row.stop] = product.T
    if not gram.isfinite().all():
        raise NotFinite("gradients of single examples are not finite")
    return gram


def conditioning(objective: Objective, examples: int = 64) -> dict[str, Any]:
    r"""The spectrum of the second moment of example gradients, :math:`M = \frac1n \sum_i g_i g_i^\top`, in numbers.

    Its nonzero eigenvalues are those of K/n with the Gram matrix K, so M itself (parameters squared) is never made.

    ``anisotropy``: largest eigenvalue over the mean of all n, from 1 (even) to n (one direction).
    ``effective_rank``: exp of the entropy of the normalised eigenvalues, from 1 to n.
    ``condition``: largest eigenvalue over the median of the n: how much faster the steepest direction of the data
    learns than a middle one.
    ``signal``: |mean g|^2 / mean |g|^2, from 1/n (orthogonal) to 1 (all alike): how far examples agree.
    """
    gram = gram_of_gradients(objective, examples)
    n = len(gram)
    values = torch.linalg.eigvalsh(gram / n).clamp(min=0).flip(0)
    total = float(values.sum())
    median = float(values.median())
    if total == 0:
        raise ValueError("the gradient of every example is zero here; there is nothing to compare")
    return {
        "examples": n,
        "eigenvalues": values.tolist(),
        "anisotropy": float(values[0]) * n / total,
        "effective_rank": float(effective_rank(values)),
        "condition": float(values[0]) / median if median > 0 else None,
        "signal": float(gram.mean()) / total,
        "mean_square": total,
    }


def _gradients(objective: Objective, which: range) -> Tensor:
    """Gradients of single examples (len(which), P)."""
    found = objective.start.new_empty(len(which), len(objective.start))
    for row, gradient in enumerate(_each(objective, which)):
        found[row] = gradient
    return found


def _each(objective: Objective, which: range) -> Iterator[Tensor]:
    first = 0
    for images, labels in objective.batches:
        for position in range(max(which.start - first, 0), min(which.stop - first, len(labels))):
            one = objective.on([(images[position : position + 1], labels[position : position + 1])])
            yield one.gradient(objective.start)[1]
        first += len(labels)
