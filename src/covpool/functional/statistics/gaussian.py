"""The scatter matrix of a multivariate generalized Gaussian, by regularised maximum likelihood."""

from __future__ import annotations

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from covpool.functional.checks import need_positions, need_square
from covpool.functional.exporting import refuse_onnx
from covpool.functional.precision import in_float32
from covpool.functional.spectrum.decomposition import decompose, refuse_second_gradient


@in_float32
def regularized_scatter(a: Float[Tensor, "*batch c c"], theta: float = 1.0) -> Float[Tensor, "*batch c c"]:
    r"""Maximum-likelihood covariance under a von Neumann penalty, in closed form.

    .. math:: \arg\min_\Sigma\ \log|\Sigma| + \mathrm{tr}(\Sigma^{-1}A) + \theta\,\mathrm{tr}(\Sigma-\log\Sigma-I):\quad
              \lambda = \frac{\sqrt{(1-\theta)^2+4\theta s}-(1-\theta)}{2\theta}

    on each eigenvalue s of A, with the eigenvectors kept. theta = 0 gives A itself and theta = 1 its square root.
    Source: the stationarity of the penalised likelihood, theta S^2 + (1 - theta) S = A, derived in
    docs/papers/threeg.md; for theta = 1 the estimator behind MPN-COV (Li et al. ICCV 2017).

    Shape: (..., C, C) -> (..., C, C). Dtype: computed in float32 if a is half, returned in a.dtype.
    Gradient: closed form, first order.

    Raises:
        ValueError: matrices not square, theta outside [0, 1].

    Example:
        >>> regularized_scatter(torch.diag(torch.tensor([4.0, 9.0])), theta=1.0)
        tensor([[2., 0.],
                [0., 3.]])
    """
    need_square(a, "regularized_scatter()")
    need_theta(theta)
    refuse_onnx("the regularized scatter needs eigenvalues", "Take a pool without them, such as 'threeg'")
    return _Scatter.apply(a, theta)[0]


@in_float32
def generalized_gaussian_scatter(
    x: Float[Tensor, "*batch c n"], *, beta: float = 0.5, theta: float = 1.0, steps: int = 5, center: bool = True
) -> Float[Tensor, "*batch c c"]:
    r"""Regularised generalized-Gaussian scatter by iterative re-weighting, unrolled.

    .. math:: w_i = \beta u_i^{\beta-1},\ u_i = x_i^\top \Sigma^{-1} x_i;\qquad
              S_w = \tfrac1N\sum_i w_i x_i x_i^\top;\qquad \Sigma = \mathrm{regularized\_scatter}(S_w, \theta)

    started from equal weights. beta = 1 is the Gaussian, below 1 the tails are heavy and far positions count less.
    The inverse is taken on the range of the scatter, where all centred positions lie, so N < C needs no ridge.
    Source: Wang et al. CVPR 2019 (3G-Net); the equations are ours, see docs/papers/threeg.md. The released network
    learns its weights instead: the pool ``threeg``.

    Shape: x (..., C, N) -> (..., C, C). Dtype: computed in float32 if x is half, returned in x.dtype.
    Gradient: through every step; closed form in each eigendecomposition, first order.

    Args:
        x: descriptors as columns.
        beta: shape, in (0, 2) where the iteration converges; 0.5 is ours, the paper's is not established.
        theta: strength of the penalty, in [0, 1]; 1, where the last step is the square root of the networks.
        steps: re-weightings; 5 comes within 1e-2 of the fixed point at the defaults. 0 leaves the closed form.
        center: subtract the mean first.

    Raises:
        ValueError: beta, theta or steps out of range; fewer than 2 positions while centring.

    Example:
        >>> x = torch.tensor([[1.0, -1.0, 3.0, -3.0]])
        >>> generalized_gaussian_scatter(x, beta=1.0, theta=0.0)
        tensor([[5.]])
    """
    need_shape(beta, steps)
    need_theta(theta)
    refuse_onnx("the generalized-Gaussian scatter needs eigenvalues", "Take a pool without them, such as 'threeg'")
    if center:
        need_positions(x, 2, "generalized_gaussian_scatter()", "Pass center=False for a single descriptor")
        x = x - x.mean(-1, keepdim=True)
    scatter, inverse = _Scatter.apply(x @ x.mT / x.shape[-1], theta)[:2]
    for _ in range(steps):
        weights = _weights(x, inverse, beta)
        scatter, inverse = _Scatter.apply((x * weights.unsqueeze(-2)) @ x.mT / x.shape[-1], theta)[:2]
    return scatter


def generalized_gaussian_weights(
    x: Float[Tensor, "*batch c n"], scatter: Float[Tensor, "*batch c c"], beta: float = 0.5
) -> Float[Tensor, "*batch n"]:
    r"""Weight of each centred position under a scatter, :math:`w_i=\beta\,(x_i^\top\Sigma^{+}x_i)^{\beta-1}`.

    Shape: x (..., C, N), scatter (..., C, C) -> (..., N). Dtype: kept. Gradient: closed form, first order.

    Example:
        >>> generalized_gaussian_weights(torch.tensor([[1.0, 2.0]]), torch.eye(1), beta=0.5)
        tensor([0.5000, 0.2500])
    """
    return _weights(x, _Scatter.apply(scatter, 0.0)[1], beta)


def need_theta(theta: float) -> None:
    """ValueError unless the strength of the penalty is in [0, 1]."""
    if not 0 <= theta <= 1:
        raise ValueError(f"theta needs to be in [0, 1]; got {theta}. 1 makes the estimator a square root")


def need_shape(beta: float, steps: int) -> None:
    """ValueError unless the iteration can converge."""
    if not 0 < beta < 2:
        raise ValueError(f"beta needs to be in (0, 2), where the re-weighting converges; got {beta}")
    if steps < 0:
        raise ValueError(f"steps needs to be at least 0; got {steps}")


def _weights(x: Tensor, inverse: Tensor, beta: float) -> Tensor:
    distance = ((inverse @ x) * x).sum(-2)
    # a position at the mean has u = 0 and, for beta < 1, an infinite weight; it adds w x x' = 0 whatever the weight
    return beta * distance.clamp(min=torch.finfo(x.dtype).eps) ** (beta - 1)


class _Scatter(torch.autograd.Function):
    r"""The regularised scatter of A and its inverse on the range of A, by one eigendecomposition.

    With f(s) = lambda the divided differences need no quotient: theta (l_i^2 - l_j^2) + (1 - theta)(l_i - l_j) =
    s_i - s_j gives F_ij = 1 / (theta (l_i + l_j) + 1 - theta), and those of the inverse are -F_ij / (l_i l_j), or
    F_ij / l_i^2 where l_j = 0. Eigenvalues within rounding of zero count as zero and stay zero.
    """

    generate_vmap_rule = True

    @staticmethod
    def forward(a: Tensor, theta: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        s, vectors = decompose(a)
        floor = s[..., -1:].clamp(min=0) * a.shape[-1] * torch.finfo(a.dtype).eps
        s = torch.where(s > floor, s, torch.zeros_like(s))
        values = 2 * s / _positive(((1 - theta) ** 2 + 4 * theta * s).sqrt() + (1 - theta))
        scatter = (vectors * values.unsqueeze(-2)) @ vectors.mT
        inverse = (vectors * _inverse(values).unsqueeze(-2)) @ vectors.mT
        return scatter, inverse, values, vectors

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, float], output: tuple[Tensor, ...]) -> None:
        _, _, values, vectors = output
        ctx.theta = inputs[1]
        ctx.mark_non_differentiable(values, vectors)
        ctx.save_for_backward(values, vectors)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, None]:
        refuse_second_gradient()
        values, vectors = ctx.saved_tensors
        left, right = values.unsqueeze(-1), values.unsqueeze(-2)
        of_scatter = _inverse(ctx.theta * (left + right) + 1 - ctx.theta)
        a, b = _inverse(left), _inverse(right)
        of_inverse = torch.where((left > 0) & (right > 0), -a * b, a * a + b * b) * of_scatter
        inner = _turned(upstream[0], vectors) * of_scatter + _turned(upstream[1], vectors) * of_inverse
        return vectors @ inner @ vectors.mT, None


def _turned(upstream: Tensor, vectors: Tensor) -> Tensor:
    return vectors.mT @ ((upstream + upstream.mT) / 2) @ vectors


def _positive(x: Tensor) -> Tensor:
    return torch.where(x > 0, x, torch.ones_like(x))


def _inverse(x: Tensor) -> Tensor:
    """1/x where x is positive, and 0 where it is 0."""
    return torch.where(x > 0, 1 / _positive(x), torch.zeros_like(x))
