"""First-order summaries of a set of descriptors: means of many kinds, and mean and deviation."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from covpool.functional.checks import need_positions
from covpool.functional.precision import in_float32


@in_float32
def generalized_mean(
    x: Float[Tensor, "*batch c n"], p: float | Tensor = 3.0, *, eps: float = 1e-6
) -> Float[Tensor, "*batch c"]:
    r"""Generalized mean over positions, :math:`\left(\frac1N\sum_i \max(x_i,\epsilon)^p\right)^{1/p}`.

    p = 1 is the average of positive features; p to infinity approaches the maximum.
    Source: Radenovic et al. TPAMI 2019 (GeM), p = 3 and eps = 1e-6 as there.

    Shape: x (..., C, N) -> (..., C). Dtype: computed in float32 if x is half, returned in x.dtype.
    Gradient: autograd, in x and p.

    Example:
        >>> generalized_mean(torch.tensor([[1.0, 2.0]]), p=1.0)
        tensor([1.5000])
    """
    x = x.clamp(min=eps)
    top = x.amax(-1, keepdim=True).detach()  # keeps x**p in range: 1e4 to the 10th overflows float32
    return ((x / top) ** p).mean(-1) ** (1 / torch.as_tensor(p, dtype=x.dtype, device=x.device)) * top.squeeze(-1)


@in_float32
def mean_and_deviation(x: Float[Tensor, "*batch c n"], *, eps: float = 1e-12) -> Float[Tensor, "*batch d"]:
    r"""Mean and standard deviation over positions, side by side (statistics pooling).

    .. math:: [\mu,\ \sqrt{\tfrac1N\sum_i (x_i-\mu)^2+\epsilon}]

    Source: Snyder et al. ICASSP 2018 (x-vectors), biased like ``covariance``; eps keeps the gradient of a
    constant channel finite.

    Shape: x (..., C, N) -> (..., 2C). Dtype: as ``generalized_mean``. Gradient: autograd.

    Raises:
        ValueError: fewer than 2 positions.

    Example:
        >>> mean_and_deviation(torch.tensor([[1.0, 3.0]]))
        tensor([2., 1.])
    """
    need_positions(x, 2, "mean_and_deviation()", "Pass a larger map, or pool with 'avg'")
    mean = x.mean(-1)
    deviation = ((x - mean.unsqueeze(-1)).square().mean(-1) + eps).sqrt()
    return torch.cat([mean, deviation], -1)


@in_float32
def softmax_mean(x: Float[Tensor, "*batch c n"]) -> Float[Tensor, "*batch c"]:
    r"""Mean of each channel weighted by its own exponentials, :math:`\sum_i x_i\,e^{x_i}/\sum_j e^{x_j}`.

    Between the average (small features) and the maximum (large ones). Source: Stergiou et al. ICCV 2021 (SoftPool),
    with one window over the whole map.

    Shape: x (..., C, N) -> (..., C). Dtype: as ``generalized_mean``. Gradient: autograd.

    Example:
        >>> softmax_mean(torch.tensor([[0.0, 100.0]]))
        tensor([100.])
    """
    return (x.softmax(-1) * x).sum(-1)


@in_float32
def log_sum_exp(x: Float[Tensor, "*batch c n"], sharpness: float | Tensor = 1.0) -> Float[Tensor, "*batch c"]:
    r"""Smooth maximum over positions, :math:`\frac1r\log\big(\frac1N\sum_i e^{r x_i}\big)`.

    r to 0 is the average, r to infinity the maximum. Source: Pinheiro and Collobert CVPR 2015.
    Shape: x (..., C, N) -> (..., C). Dtype: as ``generalized_mean``. Gradient: autograd, in x and r.

    Example:
        >>> log_sum_exp(torch.tensor([[2.0, 2.0]]))
        tensor([2.])
    """
    top = x.detach().amax(-1, keepdim=True)  # the largest exponent is zero: nothing overflows
    inner = ((x - top) * sharpness).exp().mean(-1).log()
    return inner / sharpness + top.squeeze(-1)
