"""Eigenvalues of a matrix that is known by its products with vectors: Lanczos with full reorthogonalisation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Product = Callable[[Tensor], Tensor]

MOST_BYTES = 2 * 2**30  # of the vectors that reorthogonalisation keeps


@dataclass(frozen=True)
class Ritz:
    """What Lanczos found, in float64 on the CPU.

    Attributes:
        values: Ritz values, largest first. weights: share of the start vector along each, adding up to 1.
        residuals: |A u - value u| of each Ritz vector u; an eigenvalue lies within that of its Ritz value.
    """

    values: Tensor
    weights: Tensor
    residuals: Tensor


def lanczos(product: Product, start: Tensor, steps: int, *, most_bytes: int = MOST_BYTES) -> Ritz:
    r"""Ritz values of a symmetric matrix A after ``steps`` products, from a start vector.

    :math:`A q_j = \beta_{j-1} q_{j-1} + \alpha_j q_j + \beta_j q_{j+1}`. Each new vector is made orthogonal to all
    before it, twice: in finite precision it would drift, and eigenvalues would be found again and again as if they
    were several. Ends early where the vectors span an invariant subspace: then the values are exact.
    Memory: ``steps`` vectors. Source: Golub and Van Loan, Matrix Computations, 4th edition, section 10.1.

    Raises:
        ValueError: a start vector of zeros, or more memory than ``most_bytes`` for the vectors.

    Example:
        >>> matrix = torch.diag(torch.tensor([1.0, 2.0, 5.0]).double())
        >>> lanczos(lambda v: matrix @ v, torch.ones(3).double(), 3).values.round(decimals=6).tolist()
        [5.0, 2.0, 1.0]
    """
    steps = min(steps, len(start))
    norm = float(start.norm())
    if steps < 1 or norm == 0:
        raise ValueError(f"lanczos() needs a start vector that is not zero and 1 step or more; got {steps} steps")
    needed = steps * len(start) * start.element_size()
    if needed > most_bytes:
        raise ValueError(
            f"lanczos() would keep {steps} vectors of {len(start):,} numbers, {needed / 2**30:.1f} GB, and may use "
            f"{most_bytes / 2**30:.1f}; take fewer steps, float32, or a part of the parameters"
        )
    kept, diagonal, beside = start.new_empty(steps, len(start)), [], []
    vector, scale = start / norm, 0.0
    for step in range(steps):
        kept[step] = vector
        following = product(vector)
        diagonal.append(float(following @ vector))
        for _ in range(2):
            following = following - kept[: step + 1].T @ (kept[: step + 1] @ following)
        beside.append(float(following.norm()))
        scale = max(scale, abs(diagonal[-1]), beside[-1])
        if beside[-1] <= scale * torch.finfo(start.dtype).eps * len(start) ** 0.5:
            beside[-1] = 0.0
            break
        vector = following / beside[-1]
    return _ritz(torch.tensor(diagonal, dtype=torch.float64), torch.tensor(beside, dtype=torch.float64))


def _ritz(diagonal: Tensor, beside: Tensor) -> Ritz:
    matrix = torch.diag(diagonal) + torch.diag(beside[:-1], 1) + torch.diag(beside[:-1], -1)
    values, vectors = torch.linalg.eigh(matrix)
    values, vectors = values.flip(0), vectors.flip(1)
    return Ritz(values, vectors[0] ** 2, (beside[-1] * vectors[-1]).abs())


def random_start(like: Tensor, seed: int) -> Tensor:
    """A vector of signs drawn from ``seed``, of unit length: the same for every device and number of threads."""
    return random_signs(like, seed) / len(like) ** 0.5


def random_signs(like: Tensor, seed: int) -> Tensor:
    """A vector of +1 and -1 drawn from ``seed``."""
    draws = torch.Generator().manual_seed(seed)
    return torch.randint(0, 2, like.shape, generator=draws).mul_(2).sub_(1).to(like)
