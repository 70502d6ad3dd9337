"""The Newton-Schulz polynomial on eigenvalues: same values, same gradient, one eigendecomposition.

With A = U diag(l) U' the matrix Z_k is U diag(z_k(l)) U', and its derivative in a direction E is
U ((U' E U) * F) U' with the divided differences F_ij = (z_k(l_i) - z_k(l_j)) / (l_i - l_j).
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import cache

import torch
from torch import Tensor


def decompose(a: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues (ascending, not below zero) and eigenvectors of a batch (B, n, n) of PSD matrices.

    LAPACK works on one matrix at a time and gains nothing from a second core; on a CPU the batch is shared among
    as many threads as torch may use, each image being the same call as before. Values that are not finite give NaN,
    as the iteration would, instead of an error from LAPACK.
    """
    if not a.isfinite().all():
        return torch.full_like(a[..., 0], torch.nan), torch.full_like(a, torch.nan)
    threads = min(torch.get_num_threads(), len(a)) if a.device.type == "cpu" else 1
    if threads < 2:
        values, vectors = _eigh(a)
    else:
        parts = list(_threads(threads).map(_eigh, a.detach().chunk(threads)))
        values, vectors = (torch.cat(kind) for kind in zip(*parts, strict=True))
    return values.clamp(min=0), vectors


def _eigh(a: Tensor) -> tuple[Tensor, Tensor]:
    """In the precision of ``a``; in float64 where LAPACK's float32 fails, as it does on some rank-one matrices."""
    try:
        values, vectors = torch.linalg.eigh(a)
        if vectors.isfinite().all():
            return values, vectors
    except torch.linalg.LinAlgError:
        pass
    values, vectors = torch.linalg.eigh(a.double())
    return values.to(a.dtype), vectors.to(a.dtype)


@cache
def _threads(count: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(count, thread_name_prefix="covpool-eigh")


def polynomial(values: Tensor, steps: int) -> Tensor:
    """z_k at each eigenvalue: the scalar recurrence of ``newton_schulz.iterate``."""
    r, z = values, torch.ones_like(values)
    for _ in range(steps):
        z, r = z * (3 - r) / 2, r * (3 - r) ** 2 / 4
    return z


def divided_differences(values: Tensor, steps: int) -> Tensor:
    """F_ij of z_k for ascending eigenvalues (B, n) in [0, 1] -> (B, n, n); equal ones are harmless."""
    if values.dtype == torch.float64:
        return _by_recurrence(values, steps)
    return _by_quotient(values, steps)


def _by_recurrence(values: Tensor, steps: int) -> Tensor:
    """The product rule of divided differences along the recurrence: no quotient at all."""
    r, z = values, torch.ones_like(values)
    left = values.unsqueeze(-1)
    dr, dz = torch.ones_like(left * values.unsqueeze(-2)), torch.zeros_like(left * values.unsqueeze(-2))
    for _ in range(steps):
        x, y = r.unsqueeze(-1), r.unsqueeze(-2)
        dz = (dz * (3 - x) - z.unsqueeze(-2) * dr) / 2
        dr = dr * (9 - 6 * (x + y) + x * x + x * y + y * y) / 4
        z, r = z * (3 - r) / 2, r * (3 - r) ** 2 / 4
    return dz


SPREAD = 1e-9
"""Smallest gap given to neighbouring eigenvalues: far below float32's rounding, far above float64's."""


def _by_quotient(values: Tensor, steps: int) -> Tensor:
    """The plain quotient in float64, for float32 eigenvalues: three passes over n x n instead of sixty.

    Spreading the eigenvalues by 1e-9 a place changes them by less than float32 can tell and makes every gap large
    enough for a quotient good to 1e-7. The diagonal is the derivative.
    """
    wide = values.double() + SPREAD * torch.arange(values.shape[-1], dtype=torch.float64, device=values.device)
    z = polynomial(wide, steps)
    differences = z.unsqueeze(-1) - z.unsqueeze(-2)
    gaps = wide.unsqueeze(-1) - wide.unsqueeze(-2)
    gaps.diagonal(dim1=-2, dim2=-1).fill_(1)
    differences.diagonal(dim1=-2, dim2=-1).copy_(_derivative(wide, steps))
    return differences.div_(gaps).to(values.dtype)


def _derivative(values: Tensor, steps: int) -> Tensor:
    r, z = values, torch.ones_like(values)
    dr, dz = torch.ones_like(values), torch.zeros_like(values)
    for _ in range(steps):
        dz = (dz * (3 - r) - z * dr) / 2
        dr = dr * (9 - 12 * r + 3 * r * r) / 4
        z, r = z * (3 - r) / 2, r * (3 - r) ** 2 / 4
    return dz
