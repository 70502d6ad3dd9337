"""The orders in which releases write a triangle: the way between them, and how a trained classifier tells its own."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def lower_to_upper(rows: Tensor) -> Tensor:
    """Columns that stand for the lower triangle of a matrix, row by row, in the order of the upper one, row by row.

    The lower triangle by rows is also the upper one by columns, which is how MatConvNet's covariance layers write it.
    A number of columns that no triangle has is left alone; the comparison of shapes reports it.

    Shape: (..., C(C+1)/2) -> the same.

    Example:
        >>> lower_to_upper(torch.tensor([[11, 21, 22, 31, 32, 33]]))
        tensor([[11, 21, 31, 22, 32, 33]])
    """
    place = _places(rows)
    return rows if place is None else rows[..., place]


def upper_to_lower(rows: Tensor) -> Tensor:
    """The way back of ``lower_to_upper``."""
    place = _places(rows)
    return rows if place is None else rows[..., place.argsort()]


def _places(rows: Tensor) -> Tensor | None:
    """Where each number of the upper triangle lies in the lower one; None where the length is no triangle's."""
    length = rows.shape[-1] if rows.dim() else 0
    dim = (math.isqrt(8 * length + 1) - 1) // 2
    if dim < 1 or dim * (dim + 1) // 2 != length:
        return None
    row, column = torch.triu_indices(dim, dim, device=rows.device)
    return column * (column + 1) // 2 + row


# In standard errors. A conv4 on digits, 48 channels pooled, shows 24 at its own diagonal after a hundred steps and
# less than 2 at the other's; weights at random show about 1 at both.
_CLEAR = 8.0


def told_order(weight: Tensor) -> str | None:
    """``"upper"`` or ``"lower"``: the triangle, by rows, that the columns of a trained classifier stand for.

    The diagonal of a covariance, or of its root, is larger than the rest and never negative, so that a classifier
    learns other norms for its columns. None: nothing stands out clearly, or the width is no triangle's.

    Shape: (K, C(C+1)/2).

    Example:
        >>> weight, index = torch.ones(2, 528), torch.arange(32)  # of 32 channels
        >>> weight[:, index * (index + 3) // 2] = 3.0
        >>> told_order(weight)
        'lower'
    """
    if weight.is_meta or weight.dim() != 2:
        return None
    dim = (math.isqrt(8 * weight.shape[1] + 1) - 1) // 2
    if dim < 2 or dim * (dim + 1) // 2 != weight.shape[1]:
        return None
    norms = weight.detach().float().norm(dim=0)
    index = torch.arange(dim, device=weight.device)
    lower = _contrast(norms, index * (index + 3) // 2)
    upper = _contrast(norms, index * (2 * dim + 1 - index) // 2)
    if max(lower, upper) < _CLEAR or max(lower, upper) < 2 * min(lower, upper):
        return None
    return "lower" if lower > upper else "upper"


def _contrast(norms: Tensor, places: Tensor) -> float:
    """How far the mean norm at these places is from the mean of all, in standard errors."""
    error = norms.std() / len(places) ** 0.5
    return float((norms[places].mean() - norms.mean()).abs() / error.clamp_min(torch.finfo(norms.dtype).tiny))
