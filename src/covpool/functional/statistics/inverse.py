"""Sparse inverse covariance: the graphical lasso as a few differentiable steps."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from covpool.functional.checks import need_square
from covpool.functional.precision import in_float32
from covpool.functional.spectrum.decomposition import log_determinant_prox


@in_float32
def sparse_inverse(
    sigma: Float[Tensor, "..."], *, penalty: float = 0.1, steps: int = 10
) -> Float[Tensor, "*batch c c"]:
    r"""Sparse inverse of a covariance scaled to mean variance one, by ``steps`` steps of ADMM.

    .. math:: \min_{P\succ0}\ -\log\det P + \mathrm{tr}(SP) + \lambda\lVert P\rVert_1,
              \quad S = \Sigma\,C/\mathrm{tr}\,\Sigma

    Entry (a, b) tells how channels a and b go together once all others are known. The penalty covers the diagonal,
    which is the same as a ridge on S: the result exists for fewer positions than channels and for dead channels.
    It is positive definite after any number of steps and does not depend on the size of the descriptors.

    Source: Friedman et al. Biostatistics 2008 (the problem); Boyd et al. 2011, section 6.5 (ADMM); Rahman et al. CVPR
    2023 (iSICE: unrolled inside a network). Departs: iSICE takes proximal gradient steps with Newton-Schulz inverses,
    which may leave the positive definite cone; the exact proximal step of the log-determinant cannot.

    Shape: (..., C, C) -> (..., C, C). Dtype: computed in float32 if sigma is half, returned in sigma.dtype.
    Gradient: autograd over steps whose eigendecompositions have a closed form; first order.

    Args:
        sigma: symmetric PSD matrices.
        penalty: lambda, in units of the mean variance; 0.1 is our choice.
        steps: of ADMM with unit step size; 10 come within some percent, 1000 to the lasso itself.

    Raises:
        ValueError: matrices not square, penalty or steps not positive.

    Example:
        >>> sparse_inverse(torch.eye(2), penalty=1.0, steps=100)
        tensor([[0.5000, 0.0000],
                [0.0000, 0.5000]])
    """
    need_square(sigma, "sparse_inverse()")
    need_penalty(penalty, steps)
    trace = sigma.diagonal(dim1=-2, dim2=-1).mean(-1)[..., None, None]
    s = sigma / torch.where(trace > 0, trace, torch.ones_like(trace))
    precision = sparse = dual = torch.zeros_like(s)
    for _ in range(steps):
        precision = log_determinant_prox(sparse - dual - s, 1.0)
        sparse = _soft(precision + dual, penalty)
        dual = dual + precision - sparse
    return precision


def need_penalty(penalty: float, steps: int) -> None:
    """ValueError unless the penalty and the number of steps are positive."""
    if penalty <= 0 or steps < 1:
        raise ValueError(f"the sparse inverse needs a positive penalty and steps; got {penalty} and {steps}")


def _soft(a: Tensor, by: float) -> Tensor:
    return a.sign() * (a.abs() - by).clamp(min=0)
