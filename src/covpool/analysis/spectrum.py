"""The spectrum of the covariance that a second-order pool sees, and how many directions it really uses."""

from __future__ import annotations

import torch
from torch import Tensor

from covpool.functional import covariance


def spectrum(maps: Tensor) -> Tensor:
    """Eigenvalues of each map's covariance of positions, largest first.

    Shape: (B, C, H, W) -> (B, C). Dtype: float64, since the small ones matter.

    Example:
        >>> maps = torch.tensor([[1.0, -1.0], [0.0, 0.0]]).reshape(1, 2, 2, 1)
        >>> spectrum(maps).tolist()
        [[1.0, 0.0]]
    """
    values = torch.linalg.eigvalsh(covariance(maps.flatten(2).double()))
    return values.clamp_min(0).flip(-1)


def effective_rank(eigenvalues: Tensor) -> Tensor:
    r"""How many directions a spectrum fills: $\exp(-\sum p_i \log p_i)$ with $p_i = \lambda_i / \sum_j \lambda_j$.

    1 when one direction holds everything, C when all are equal; 0 for a spectrum of zeros.
    Source: Roy and Vetterli, EUSIPCO 2007.
    Shape: (..., C) -> (...).

    Example:
        >>> round(effective_rank(torch.tensor([1.0, 1.0, 0.0])).item(), 4)
        2.0
    """
    total = eigenvalues.sum(-1, keepdim=True)
    share = eigenvalues / torch.where(total > 0, total, 1)
    rank = torch.special.entr(share).sum(-1).exp()
    return torch.where(total.squeeze(-1) > 0, rank, 0)
