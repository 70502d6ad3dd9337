"""How many directions a spectrum fills."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor


def shares(eigenvalues: Float[Tensor, "*batch c"]) -> Float[Tensor, "*batch c"]:
    r"""Of each eigenvalue its share of their sum, :math:`p_i = \lambda_i / \sum_j \lambda_j`; zeros for zeros.

    Shape: (..., C) -> (..., C). Gradient: autograd.
    """
    total = eigenvalues.sum(-1, keepdim=True)
    return eigenvalues / torch.where(total > 0, total, 1)


def effective_rank(eigenvalues: Float[Tensor, "*batch c"]) -> Float[Tensor, "*batch"]:
    r"""How many directions a spectrum fills: :math:`\exp(-\sum_i p_i \log p_i)` of its shares p.

    1 when one direction holds everything, C when all are equal; 0 for a spectrum of zeros.
    Source: Roy and Vetterli, EUSIPCO 2007. Shape: (..., C) -> (...), of eigenvalues that are not negative.

    Example:
        >>> round(effective_rank(torch.tensor([1.0, 1.0, 0.0])).item(), 4)
        2.0
    """
    rank = torch.special.entr(shares(eigenvalues)).sum(-1).exp()
    return torch.where(eigenvalues.sum(-1) > 0, rank, 0)
