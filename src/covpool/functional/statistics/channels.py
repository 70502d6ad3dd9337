"""How alike two channels are: correlation, distance covariance and Gaussian kernel."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from covpool.functional.checks import need_positions
from covpool.functional.precision import in_float32


@in_float32
def correlation(x: Float[Tensor, "*batch c n"]) -> Float[Tensor, "*batch c c"]:
    r"""Correlation of the channels, :math:`D^{-1/2}\Sigma D^{-1/2}` with :math:`D=\mathrm{diag}\,\Sigma`.

    A channel whose deviation is within the rounding error of its mean counts as constant: its row and column are
    zero, on the diagonal too, with a zero gradient (its correlation does not exist).

    Source: textbook. Shape: x (..., C, N) -> (..., C, C). Dtype: computed in float32 if x is half, returned in
    x.dtype. Gradient: autograd.

    Raises:
        ValueError: fewer than 2 positions.

    Example:
        >>> correlation(torch.tensor([[1.0, 3.0, 1.0, 3.0], [4.0, 2.0, 4.0, 2.0]]))
        tensor([[ 1., -1.],
                [-1.,  1.]])
    """
    need_positions(x, 2, "correlation()", "Pass a larger map")
    centred = x - x.mean(-1, keepdim=True)
    largest = x.detach().abs().amax(-1, keepdim=True)
    size = centred.detach().abs().amax(-1, keepdim=True)
    live = ~(size <= 8 * torch.finfo(x.dtype).eps * largest)  # so that NaN stays NaN
    shape = centred / torch.where(live, size, torch.ones_like(size))  # squares of 1e-30 would vanish
    norm = torch.where(live, shape, torch.ones_like(shape)).square().sum(-1, keepdim=True).sqrt()
    unit = torch.where(live, shape / norm, torch.zeros_like(shape))
    return unit @ unit.mT


@in_float32
def channel_distances(x: Float[Tensor, "*batch c n"]) -> Float[Tensor, "*batch c c"]:
    r"""Mean squared difference of each two channels, :math:`d^2_{ab}=\frac1N\sum_i (x_{ai}-x_{bi})^2`.

    Shape: x (..., C, N) -> (..., C, C), zero on the diagonal. Dtype: as ``correlation``. Gradient: autograd.

    Example:
        >>> channel_distances(torch.tensor([[0.0, 0.0], [2.0, 4.0]]))
        tensor([[ 0., 10.],
                [10.,  0.]])
    """
    x = x - x.mean(-2, keepdim=True)  # leaves the differences alone and the products small
    products = x @ x.mT / x.shape[-1]
    squares = products.diagonal(dim1=-2, dim2=-1)
    distances = (squares.unsqueeze(-1) + squares.unsqueeze(-2) - 2 * products).clamp(min=0)
    return distances * (1 - torch.eye(x.shape[-2], dtype=x.dtype, device=x.device))


@in_float32
def distance_covariance(
    x: Float[Tensor, "*batch c n"], *, scale: float | Tensor = 0.5, eps: float = 1e-5
) -> Float[Tensor, "*batch c c"]:
    r"""Brownian distance covariance matrix: distances between channels, with row and column means taken off.

    .. math:: A = J\,[\sqrt{s\,d^2_{ab}+\epsilon}]\,J, \quad J = I-\tfrac1C\mathbf 1\mathbf 1^\top

    with the mean squared differences of ``channel_distances``. -A is positive semi-definite, and every row of A
    sums to zero. The gradient of a distance of exactly zero is zero.

    Source: Xie et al. CVPR 2022 (DeepBDC), whose scale starts at 1/(2N) times the summed, here 1/2 times the mean
    squared difference: the same number.

    Shape: x (..., C, N) -> (..., C, C). Dtype: as ``correlation``. Gradient: autograd, in x and the scale.

    Args:
        x: descriptors as columns; a channel is a row.
        scale: of the squared distances; learned in the paper, from 1/2.
        eps: under the root; with 0 the matrix is exactly proportional to the size of x.

    Raises:
        ValueError: fewer than 2 positions, of which no dependence can be read.

    Example:
        >>> distance_covariance(torch.tensor([[0.0, 0.0], [2.0, 2.0]]), scale=1.0, eps=0.0)
        tensor([[-1.,  1.],
                [ 1., -1.]])
    """
    need_positions(x, 2, "distance_covariance()", "Pass a larger map")
    squares = channel_distances(x) * scale + eps
    apart = ~(squares <= 0)  # so that NaN stays NaN
    roots = torch.where(apart, torch.where(apart, squares, torch.ones_like(squares)).sqrt(), torch.zeros_like(squares))
    rows = roots - roots.mean(-1, keepdim=True)
    return rows - rows.mean(-2, keepdim=True)


@in_float32
def kernel_matrix(x: Float[Tensor, "*batch c n"], gamma: float | Tensor = 1.0) -> Float[Tensor, "*batch c c"]:
    r"""Gaussian kernel between channels, :math:`K_{ab}=\exp(-\gamma\,d^2_{ab})` with ``channel_distances``.

    Positive semi-definite with ones on the diagonal; sees dependence that no linear statistic sees.
    Source: Engin et al. ECCV 2018 (DeepKSPD). Departs: mean instead of summed squared differences, so that gamma
    does not depend on the size of the map.

    Shape: x (..., C, N) -> (..., C, C). Dtype: as ``correlation``. Gradient: autograd, in x and gamma.

    Example:
        >>> kernel_matrix(torch.zeros(2, 3))
        tensor([[1., 1.],
                [1., 1.]])
    """
    return torch.exp(-gamma * channel_distances(x))
