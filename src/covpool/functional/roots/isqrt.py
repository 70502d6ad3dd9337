"""iSQRT-COV in one function: covariance, Newton-Schulz square root, triangle."""

from __future__ import annotations

import torch  # noqa: F401  (the doctests use it)
from jaxtyping import Float
from torch import Tensor

from covpool.functional.checks import need_positions, need_steps
from covpool.functional.covariance import covariance
from covpool.functional.precision import in_float32
from covpool.functional.roots.backends import choose_backend
from covpool.functional.roots.fused import descriptors_root, smaller_side
from covpool.functional.roots.newton_schulz import newton_schulz
from covpool.functional.triangle import triangle


@in_float32
def isqrt_covariance(
    x: Float[Tensor, "*batch c n"], *, steps: int = 5, backend: str = "auto", ridge: float = 0.0
) -> Float[Tensor, "*batch d"]:
    r"""Upper triangle of the square root of the covariance: the iSQRT-COV representation.

    .. math:: \mathrm{triu}\left(\sqrt{t}\,Y_{steps}(\Sigma/t)\right), \quad t = \mathrm{tr}\,\Sigma

    Equal to ``triangle(matrix_sqrt(covariance(x, ridge=ridge)))``, and never an approximation of it: the fast forms
    work on the smaller of C x C and N x N, where the same polynomial has the same values, and have closed-form
    gradients.

    Source: Li et al. CVPR 2018, eq. (5)-(7). Departs: a constant map gives zero where the official code gives NaN.

    Shape: x (..., C, N) -> (..., C(C+1)/2). Dtype: computed in float32 if x is half, returned in x.dtype.
    Gradient: closed form, first order; autograd of any order with ``backend="plain"``.

    Args:
        x: descriptors as columns.
        steps: Newton-Schulz iterations; 5 as in every released script of fast MPN-COV.
        backend: ``auto`` (default), ``plain``, ``iteration``, ``spectral``; see ``covpool.functional.roots.backends``.
        ridge: added to the diagonal of the covariance, 1e-7 in 3G-Net; 0 (default) as in iSQRT-COV. With one, the work
            is done on C x C.

    Raises:
        ValueError: fewer than 2 positions, steps below 1, unknown backend.

    Example:
        >>> isqrt_covariance(torch.eye(3), backend="plain").shape
        torch.Size([6])
    """
    need_positions(x, 2, "isqrt_covariance()", "Pass a larger map")
    need_steps(steps)
    backend = choose_backend(backend, x, smaller_side(x, ridge), steps)
    if backend == "plain":
        return triangle(newton_schulz(covariance(x, ridge=ridge), steps))
    vector = descriptors_root(x.reshape(-1, *x.shape[-2:]), steps, backend, ridge)
    return vector.view(*x.shape[:-2], vector.shape[-1])
