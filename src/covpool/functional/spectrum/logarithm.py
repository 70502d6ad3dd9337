"""Positive definite matrices as points of a flat space: matrix logarithm and log-Cholesky."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

from covpool.functional.checks import need_square
from covpool.functional.exporting import refuse_onnx
from covpool.functional.precision import in_float32
from covpool.functional.spectrum.decomposition import spectral_log

FLOOR = 1e-12
"""Added to every diagonal, so that a zero matrix has a logarithm."""


@in_float32
def matrix_log(a: Float[Tensor, "..."], *, ridge: float = 1e-3) -> Float[Tensor, "*batch c c"]:
    r"""Logarithm of symmetric PSD matrices, :math:`U\,\mathrm{diag}(\log\lambda)\,U^\top`, lifted by a relative ridge.

    .. math:: \log\big(A + \rho\,\tfrac{\mathrm{tr}A}{C} I\big)

    Source: Carreira et al. ECCV 2012 (O2P) and Ionescu et al. ICCV 2015 (DeepO2P). Departs: the ridge is relative to
    the mean variance, so that log(cA) = log A + log(c) I holds and the size of the features does not matter.

    Shape: (..., C, C) -> (..., C, C). Dtype: computed in float32 if a is half, returned in a.dtype.
    Gradient: closed form, first order.

    Args:
        a: symmetric PSD matrices.
        ridge: share of the mean variance; 1e-3 keeps rank-deficient covariances of float32 in range.

    Raises:
        ValueError: matrices not square, ridge not positive.

    Example:
        >>> matrix_log(torch.eye(2), ridge=1.0)
        tensor([[0.6931, 0.0000],
                [0.0000, 0.6931]])
    """
    return spectral_log(_lifted(a, ridge, "matrix_log()"))


@in_float32
def log_cholesky(
    a: Float[Tensor, "..."], *, ridge: float = 1e-3, log_diagonal: bool = True
) -> Float[Tensor, "*batch c c"]:
    r"""Upper Cholesky factor with the logarithm of its diagonal, of symmetric PSD matrices lifted like ``matrix_log``.

    .. math:: A + \rho\,\tfrac{\mathrm{tr}A}{C} I = R^\top R \ \mapsto\ \mathrm{off}(R) + \log\mathrm{diag}(R)

    Source: Lin, SIAM J. Matrix Analysis 2019 (the log-Cholesky metric). Depends on the order of the channels.
    Shape: (..., C, C) -> (..., C, C), zero below the diagonal. Dtype: as ``matrix_log``. Gradient: autograd.

    Args:
        a: symmetric PSD matrices.
        ridge: share of the mean variance; as in ``matrix_log``.
        log_diagonal: False keeps the Cholesky factor itself.

    Raises:
        ValueError: matrices not square, ridge not positive.

    Example:
        >>> log_cholesky(3 * torch.eye(2), ridge=1 / 3, log_diagonal=False)
        tensor([[2., 0.],
                [0., 2.]])
    """
    refuse_onnx("log_cholesky() needs a Cholesky factor", "Take a pool without it, such as 'isqrt'")
    lifted = _lifted(a, ridge, "log_cholesky()")
    finite = lifted.isfinite().all(-1).all(-1)[..., None, None]  # LAPACK refuses a batch with a NaN in it
    eye = torch.eye(a.shape[-1], dtype=a.dtype, device=a.device)
    factor = torch.linalg.cholesky(torch.where(finite, lifted, eye)).mT
    factor = torch.where(finite, factor, torch.nan)
    if not log_diagonal:
        return factor
    return factor.triu(1) + torch.diag_embed(factor.diagonal(dim1=-2, dim2=-1).log())


def need_ridge(ridge: float, what: str) -> None:
    """ValueError unless the ridge is positive."""
    if ridge <= 0:
        raise ValueError(f"{what} needs a positive ridge, for covariances without full rank; got {ridge}")


def _lifted(a: Tensor, ridge: float, what: str) -> Tensor:
    need_square(a, what)
    need_ridge(ridge, what)
    lift = ridge * a.diagonal(dim1=-2, dim2=-1).mean(-1)[..., None, None] + FLOOR
    return a + lift * torch.eye(a.shape[-1], dtype=a.dtype, device=a.device)
