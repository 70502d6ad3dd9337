"""Roots and powers of covariance matrices: the front door and its table of methods."""

from __future__ import annotations

from collections.abc import Callable

import torch  # noqa: F401  (the doctests use it)
from jaxtyping import Float
from torch import Tensor

from covpool.functional.checks import need_square, need_steps
from covpool.functional.precision import in_float32
from covpool.functional.roots.backends import choose_backend
from covpool.functional.roots.fused import matrix_root
from covpool.functional.roots.newton_schulz import newton_schulz
from covpool.functional.spectrum.decomposition import spectral_power
from covpool.registry import Registry

sqrt_methods = Registry[Callable[[Tensor, int, str], Tensor]]("matrix root method")


def _newton_schulz_root(a: Tensor, steps: int, backend: str) -> Tensor:
    backend = choose_backend(backend, a, a.shape[-1], steps)
    return newton_schulz(a, steps) if backend == "plain" else matrix_root(a, steps, backend)


sqrt_methods.register("newton-schulz", _newton_schulz_root)
sqrt_methods.register("eig", lambda a, steps, backend: spectral_power(a, 0.5))


@in_float32
def matrix_sqrt(
    a: Float[Tensor, "..."], *, method: str = "newton-schulz", steps: int = 5, backend: str = "auto"
) -> Float[Tensor, "*batch c c"]:
    r"""Square root of symmetric positive semi-definite matrices.

    ``newton-schulz``: iSQRT-COV's coupled iteration, divided by the trace before and multiplied by its root after.
    Five steps are *not* a converged root (at eigenvalue/trace 1/256 the result is 0.45 of the true root): published
    weights were trained through exactly these steps. ``eig``: the exact root by eigendecomposition.

    Source: Li et al. CVPR 2018, eq. (5)-(7). Departs: a zero matrix gives zero where the official code gives NaN.

    Shape: (..., C, C) -> (..., C, C). Dtype: computed in float32 if a is half, returned in a.dtype.
    Gradient: closed form, first order, and symmetric; autograd of any order with ``backend="plain"``.

    Args:
        a: symmetric PSD matrices; symmetry is trusted, not checked.
        method: ``newton-schulz`` (default: the published layer) or ``eig``.
        steps: iterations of Newton-Schulz; 5 as in every released script of fast MPN-COV.
        backend: how Newton-Schulz is computed, with the same values: ``auto`` (default), ``plain``, ``iteration``,
            ``spectral``; see ``covpool.functional.roots.backends``.

    Raises:
        ValueError: matrices not square, steps below 1, unknown method or backend.

    Example:
        >>> matrix_sqrt(torch.diag(torch.tensor([4.0, 9.0])), method="eig")
        tensor([[2., 0.],
                [0., 3.]])
    """
    need_square(a, "matrix_sqrt()")
    need_steps(steps)
    return sqrt_methods.get(method)(a, steps, backend)


@in_float32
def matrix_power(a: Float[Tensor, "..."], power: float = 0.5) -> Float[Tensor, "*batch c c"]:
    r"""Power of symmetric PSD matrices through eigenvalues, :math:`U\,\mathrm{diag}(\lambda^p)\,U^\top`.

    Source: Li et al. ICCV 2017 (MPN-COV). Departs: the official backward leaves out the terms between
    kept and dropped eigenvalues; ours is the true derivative wherever it exists. Eigenvalues within rounding of zero
    count as zero, and zero stays zero.

    Shape: (..., C, C) -> (..., C, C). Dtype: computed in float32 if a is half, returned in a.dtype.
    Gradient: closed form, first order.

    Args:
        a: symmetric PSD matrices.
        power: the exponent; 1/2 as the paper and its released code use.

    Raises:
        ValueError: matrices not square, power not positive.

    Example:
        >>> matrix_power(torch.diag(torch.tensor([8.0, 27.0])), 1 / 3).diagonal()
        tensor([2., 3.])
    """
    need_square(a, "matrix_power()")
    if power <= 0:
        raise ValueError(f"matrix_power() needs a positive power; got {power}. MPN-COV uses 0.5")
    return spectral_power(a, power)
