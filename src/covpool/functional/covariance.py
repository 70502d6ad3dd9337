"""Second-order statistics of a set of descriptors: covariance, second moment, cross-covariance."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from covpool.functional.checks import need_positions
from covpool.functional.precision import in_float32


@in_float32
def covariance(
    x: Float[Tensor, "*batch c n"],
    *,
    center: bool = True,
    ridge: float = 0.0,
    weights: Float[Tensor, "*batch n"] | None = None,
) -> Float[Tensor, "*batch c c"]:
    r"""Covariance of N descriptors of dimension C.

    .. math:: \Sigma = \frac{1}{N}\sum_i (x_i-\mu)(x_i-\mu)^\top + \epsilon I, \quad \mu=\frac{1}{N}\sum_i x_i

    With ``weights`` both means become weighted means, each divided by the sum of the weights.

    Source: Li et al. ICCV 2017 and CVPR 2018. Departs: the official layer multiplies by
    a centring matrix (N x N) made in the default dtype; centring the descriptors first gives the same numbers,
    exactly in float64, without that matrix.

    Shape: x (..., C, N) -> (..., C, C); weights (..., N).
    Dtype: computed in float32 if x is half, returned in x.dtype. Gradient: autograd.

    Args:
        x: descriptors as columns.
        center: subtract the mean; True as in every published covariance pool (``second_moment`` does not).
        ridge: added to the diagonal; 0 as in iSQRT-COV (3G-Net adds 1e-7).
        weights: non-negative weight of each position; None weighs all alike.

    Raises:
        ValueError: fewer than 2 positions while centring: the covariance would be zero, silently.

    Example:
        >>> x = torch.tensor([[1.0, 3.0], [2.0, 2.0]])
        >>> covariance(x)
        tensor([[1., 0.],
                [0., 0.]])
    """
    if center:
        need_positions(x, 2, "covariance()", "Pass center=False for a single descriptor, or a larger map")
    share = x.new_full(x.shape[-1:], 1 / x.shape[-1]) if weights is None else _shares(weights)
    if center:
        x = x - (x * share.unsqueeze(-2)).sum(-1, keepdim=True)
    sigma = (x * share.unsqueeze(-2)) @ x.mT
    return _add_ridge(sigma, ridge)


@in_float32
def second_moment(x: Float[Tensor, "*batch c n"], *, ridge: float = 0.0) -> Float[Tensor, "*batch c c"]:
    r"""Second moment (bilinear) matrix of N descriptors, :math:`\frac{1}{N}\sum_i x_i x_i^\top + \epsilon I`.

    Source: Lin et al. ICCV 2015 (B-CNN), with the division by N of the fast-MPN-COV release.
    Shape: x (..., C, N) -> (..., C, C). Dtype: as ``covariance``. Gradient: autograd.

    Example:
        >>> second_moment(torch.tensor([[1.0, 3.0]]))
        tensor([[5.]])
    """
    return _add_ridge(x @ x.mT / x.shape[-1], ridge)


@in_float32
def cross_covariance(
    x: Float[Tensor, "*batch c n"], y: Float[Tensor, "*batch d n"], *, center: bool = True
) -> Float[Tensor, "*batch c d"]:
    r"""Cross-covariance of two descriptor sets over the same positions.

    .. math:: \Sigma_{xy} = \frac{1}{N}\sum_i (x_i-\mu_x)(y_i-\mu_y)^\top

    Shape: x (..., C, N), y (..., C', N) -> (..., C, C'). Dtype: as ``covariance``. Gradient: autograd.

    Raises:
        ValueError: fewer than 2 positions while centring.

    Example:
        >>> x = torch.tensor([[0.0, 2.0]])
        >>> cross_covariance(x, -x)
        tensor([[-1.]])
    """
    if center:
        need_positions(x, 2, "cross_covariance()", "Pass center=False for a single descriptor")
        x = x - x.mean(-1, keepdim=True)  # centring one side suffices
    return x @ y.mT / x.shape[-1]


def _shares(weights: Tensor) -> Tensor:
    return weights / weights.sum(-1, keepdim=True)


def _add_ridge(sigma: Tensor, ridge: float) -> Tensor:
    if ridge == 0:
        return sigma
    return sigma + ridge * torch.eye(sigma.shape[-1], dtype=sigma.dtype, device=sigma.device)
