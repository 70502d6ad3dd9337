"""Flatter spectra without eigenvalues and without inverses: spectral MaxExp and the rank-one update."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from covpool.functional.checks import need_square
from covpool.functional.precision import in_float32


@in_float32
def max_exp(a: Float[Tensor, "..."], exponent: int = 20) -> Float[Tensor, "*batch c c"]:
    r"""Spectral MaxExp of symmetric PSD matrices, :math:`I-(I-A/\mathrm{tr}A)^\eta`, by repeated squaring.

    Each eigenvalue l, as a share of the trace, becomes 1 - (1-l)^eta: the chance to meet it at least once in eta
    draws. Large ones saturate at 1 and small ones are multiplied by eta.
    Source: Koniusz and Zhang, TPAMI 2021. Departs: an exponent that is an integer, so that it needs no eigenvalues.

    Shape: (..., C, C) -> (..., C, C), PSD, at most I. Dtype: computed in float32 if a is half, returned in a.dtype.
    Gradient: autograd, any order.

    Args:
        a: symmetric PSD matrices; a zero matrix gives zero.
        exponent: eta; 20 is our choice (the source tunes it for each data set).

    Raises:
        ValueError: matrices not square, exponent below 1.

    Example:
        >>> max_exp(torch.diag(torch.tensor([3.0, 1.0])), 2)
        tensor([[0.9375, 0.0000],
                [0.0000, 0.4375]])
    """
    need_square(a, "max_exp()")
    need_exponent(exponent)
    eye = torch.eye(a.shape[-1], dtype=a.dtype, device=a.device)
    return eye - torch.linalg.matrix_power(eye - _shares(a), exponent)


@in_float32
def rank_one_update(
    a: Float[Tensor, "..."], start: Float[Tensor, " c"], *, strength: float = 0.5, steps: int = 2
) -> Float[Tensor, "*batch c c"]:
    r"""Weaken the strongest direction of symmetric PSD matrices, found by a few power steps.

    .. math:: (I-\epsilon\,vv^\top)\,A\,(I-\epsilon\,vv^\top), \quad v \propto A^{K}v_0,\ \lVert v\rVert=1

    Source: Yu, Li and Li, ECCV 2020 (RUN), where the descriptors lose epsilon times their part along v: this is the
    second moment after that. Departs: v_0 is given, drawn once, where the source draws it anew for each batch.

    Shape: a (..., C, C), start (C,) -> (..., C, C), PSD. Dtype: as ``max_exp``. Gradient: autograd, through v too.

    Args:
        a: symmetric PSD matrices; a zero matrix stays zero.
        start: v_0, any vector.
        strength: epsilon; 1/2 halves the standard deviation along v.
        steps: K, power steps; 2 is our choice.

    Raises:
        ValueError: matrices not square, strength outside [0, 1], steps below 1.

    Example:
        >>> rank_one_update(torch.diag(torch.tensor([4.0, 0.0])), torch.ones(2))
        tensor([[1., 0.],
                [0., 0.]])
    """
    need_square(a, "rank_one_update()")
    need_update(strength, steps)
    shares, v = _shares(a), start.unsqueeze(-1)
    for _ in range(steps):
        v = shares @ v
        length = v.detach().square().sum(-2, keepdim=True).sqrt()
        v = v / torch.where(length > 0, length, torch.ones_like(length))
    square = v.square().sum(-2, keepdim=True)
    v = v * torch.where(square > 0, square, torch.ones_like(square)).rsqrt()
    left = a - strength * v @ (v.mT @ a)
    return left - strength * (left @ v) @ v.mT


def need_exponent(exponent: int) -> None:
    """ValueError unless the exponent of MaxExp is an integer of at least 1."""
    if exponent < 1 or exponent != int(exponent):
        raise ValueError(f"MaxExp needs an integer exponent of at least 1; got {exponent}")


def need_update(strength: float, steps: int) -> None:
    """ValueError unless the rank-one update takes off a share between 0 and 1 along a vector of 1 or more steps."""
    if not 0 <= strength <= 1 or steps < 1:
        raise ValueError(
            f"the rank-one update needs a strength in [0, 1] and at least 1 step; got {strength} and {steps}"
        )


def _shares(a: Tensor) -> Tensor:
    trace = a.diagonal(dim1=-2, dim2=-1).sum(-1)[..., None, None]
    return a / torch.where(trace > 0, trace, torch.ones_like(trace))
