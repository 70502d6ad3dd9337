"""Dropout around a covariance, and the rate that the channels of a map set themselves."""

from __future__ import annotations

import math

import torch
from jaxtyping import Float
from torch import Tensor

from covpool.functional.checks import need_positions
from covpool.functional.precision import in_float32


@in_float32
def adaptive_drop_rate(x: Float[Tensor, "batch c n"], importance: Float[Tensor, "batch c"]) -> Float[Tensor, ""]:
    r"""How many channels to drop, from how well their importance agrees with their correlation.

    .. math:: p = \mathrm{clip}\Big(1-\frac{10}{\log_2 C}\ \frac1B\sum_b \cos(w_b,\ \Sigma_b 1),\ 0,\ 1\Big)

    One number for the batch. The row sums of the covariance come from X (X' 1) / N: no C x C matrix is made.
    Source: Wang et al. NeurIPS 2022 (DropCov), by its released code. Departs: an image without variance counts as a
    cosine of 0 where the release divides by zero.

    Shape: x (B, C, N), importance (B, C) -> (). Dtype: computed in float32 if x is half, returned in x.dtype.
    Gradient: none, as in the release.

    Raises:
        ValueError: fewer than 2 positions or channels.

    Example:
        >>> x = torch.tensor([[[1.0, -1.0], [1.0, -1.0]]])
        >>> adaptive_drop_rate(x, torch.tensor([[1.0, -1.0]]))
        tensor(1.)
    """
    need_positions(x, 2, "adaptive_drop_rate()", "Pass a larger map")
    need_channels(x.shape[-2])
    x, importance = x.detach(), importance.detach()
    centred = x - x.mean(-1, keepdim=True)
    correlation = (centred @ centred.sum(-2).unsqueeze(-1)).squeeze(-1) / x.shape[-1]
    cosine = torch.nn.functional.cosine_similarity(importance, correlation, dim=-1, eps=torch.finfo(x.dtype).tiny)
    return (1 - 10 / math.log2(x.shape[-2]) * cosine.mean()).clamp(0, 1)


def drop_mask(
    shape: tuple[int, ...],
    rate: float | Tensor,
    like: Float[Tensor, "*shape"],
    *,
    generator: torch.Generator | None = None,
) -> Tensor:
    r"""A random mask of 0 and 1/(1 - rate): what is multiplied with it keeps its expectation. A rate of 1 drops all.

    Shape: -> ``shape``. Dtype and device: those of ``like``. Gradient: none.

    Args:
        shape: of the mask, such as (B, C, 1) for whole channels.
        rate: probability of 0; a number or a tensor of one, which stays on its device.
        like: a tensor of the wanted dtype and device.
        generator: of the random numbers; None takes torch's own.

    Example:
        >>> drop_mask((3,), 0.0, torch.zeros(1))
        tensor([1., 1., 1.])
    """
    rate = torch.as_tensor(rate, dtype=like.dtype, device=like.device)
    draw = torch.rand(shape, dtype=like.dtype, device=like.device, generator=generator)
    survivors = torch.where(rate < 1, 1 - rate, torch.ones_like(rate))
    return (draw >= rate).to(like.dtype) / survivors


def need_channels(dim: int) -> None:
    """ValueError where the rate, which divides by log2 of the channels, means nothing."""
    if dim < 2:
        raise ValueError(f"adaptive channel drop needs at least 2 channels; got {dim}. Its rate divides by log2(C)")


def need_rate(rate: float) -> float:
    """The rate itself; ValueError unless it is a probability."""
    if not 0 <= rate <= 1:
        raise ValueError(f"a drop rate needs to be in [0, 1]; got {rate}")
    return rate
