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

    LAPACK works on one matrix at a time and loses by more than one thread inside; on a CPU the batch is shared among
    as many threads as torch may use, each image being the same call as before. An image whose values are not finite
    has NaN, as in the iteration, instead of an error from LAPACK.
    """
    sound = a.sum((-2, -1)).isfinite()
    whole = bool(sound.all())
    a = a.detach() if whole else torch.where(sound[:, None, None], a.detach(), 0)
    values, vectors = _shared(a) if a.device.type == "cpu" and len(a) else _eigh(a)
    values.clamp_(min=0)
    return (values, vectors) if whole else (values.masked_fill(~sound[:, None], torch.nan), vectors)


def _shared(a: Tensor) -> tuple[Tensor, Tensor]:
    """The batch among workers that use one thread each."""
    allowed = torch.get_num_threads()
    workers = min(allowed, len(a))
    try:
        if workers == 1:
            return _alone(a)
        parts = list(_workers(workers).map(_alone, a.chunk(workers)))
    finally:
        torch.set_num_threads(allowed)  # what a worker says of itself is the default of threads to come
    values, vectors = (torch.cat(kind) for kind in zip(*parts, strict=True))
    return values, vectors


def _alone(a: Tensor) -> tuple[Tensor, Tensor]:
    torch.set_num_threads(1)
    with torch.no_grad():
        return _eigh(a)


def _eigh(a: Tensor) -> tuple[Tensor, Tensor]:
    """In the precision of ``a``; in float64 where LAPACK's float32 fails, as it does on some rank-one matrices."""
    try:
        values, vectors = torch.linalg.eigh(a)
        if vectors.sum().isfinite():
            return values, vectors
    except torch.linalg.LinAlgError:
        pass
    values, vectors = torch.linalg.eigh(a.double())
    return values.to(a.dtype), vectors.to(a.dtype)


@cache
def _workers(count: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(count, thread_name_prefix="covpool-eigh")


def polynomial(values: Tensor, steps: int) -> Tensor:
    """z_k at each eigenvalue: the scalar recurrence of ``newton_schulz.iterate``."""
    r, z = values, torch.ones_like(values)
    for _ in range(steps):
        z, r = z * (3 - r) / 2, r * (3 - r) ** 2 / 4
    return z


def divided_differences(values: Tensor, steps: int, *, root: bool = False) -> Tensor:
    """F_ij of z_k, or of the root l z_k(l), for ascending eigenvalues (B, n) in [0, 1] -> (B, n, n).

    Equal eigenvalues are harmless.
    """
    if values.dtype == torch.float64:
        return _by_recurrence(values, steps, root)
    return _by_quotient(values, steps, root)


def _by_recurrence(values: Tensor, steps: int, root: bool) -> Tensor:
    """The product rule of divided differences along the recurrence: no quotient at all."""
    r, z = values, torch.ones_like(values)
    left, right = values.unsqueeze(-1), values.unsqueeze(-2)
    dr, dz = torch.ones_like(left * right), torch.zeros_like(left * right)
    for _ in range(steps):
        x, y = r.unsqueeze(-1), r.unsqueeze(-2)
        dz = (dz * (3 - x) - z.unsqueeze(-2) * dr) / 2
        dr = dr * (9 - 6 * (x + y) + x * x + x * y + y * y) / 4
        z, r = z * (3 - r) / 2, r * (3 - r) ** 2 / 4
    return dz * left + z.unsqueeze(-2) if root else dz


SPREAD = 1e-9
"""Smallest gap given to neighbouring eigenvalues: far below float32's rounding, far above float64's."""


QUOTIENTS_AT_ONCE = 1 << 17
"""Entries of n x n that are divided at a time, so that both float64 buffers stay in the cache: 2 MB."""


def _by_quotient(values: Tensor, steps: int, root: bool) -> Tensor:
    """The plain quotient in float64, for float32 eigenvalues: three passes over n x n instead of sixty.

    Spreading the eigenvalues by 1e-9 a place changes them by less than float32 can tell and makes every gap large
    enough for a quotient good to 1e-7. The diagonal is the derivative.
    """
    count, n = values.shape
    wide = values.double() + SPREAD * torch.arange(n, dtype=torch.float64, device=values.device)
    z, slope = polynomial(wide, steps), _derivative(wide, steps)
    if root:
        z, slope = wide * z, z + wide * slope
    quotients = values.new_empty(count, n, n)
    rows = max(1, min(count, QUOTIENTS_AT_ONCE // (n * n)))
    rises, gaps = wide.new_empty(2, rows, n, n)
    for start in range(0, count, rows):
        part = slice(start, start + rows)
        rise, gap = rises[: len(z[part])], gaps[: len(z[part])]
        torch.sub(z[part].unsqueeze(-1), z[part].unsqueeze(-2), out=rise)
        torch.sub(wide[part].unsqueeze(-1), wide[part].unsqueeze(-2), out=gap)
        gap.diagonal(dim1=-2, dim2=-1).fill_(1)
        rise.diagonal(dim1=-2, dim2=-1).copy_(slope[part])
        quotients[part] = rise.div_(gap)
    return quotients


def _derivative(values: Tensor, steps: int) -> Tensor:
    r, z = values, torch.ones_like(values)
    dr, dz = torch.ones_like(values), torch.zeros_like(values)
    for _ in range(steps):
        dz = (dz * (3 - r) - z * dr) / 2
        dr = dr * (9 - 12 * r + 3 * r * r) / 4
        z, r = z * (3 - r) / 2, r * (3 - r) ** 2 / 4
    return dz
