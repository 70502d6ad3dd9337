"""How far k steps of Newton-Schulz are from the exact root, and their gradient from the exact gradient.

Matrices have eigenvalues spread evenly on a logarithmic scale between 1 and the condition number, and random
eigenvectors. The exact root and gradient come from eigenvalues. Errors are relative, in the norm of all matrices
together: ``error`` is that of the iteration, in float64, ``rounding`` what float32 adds at the same steps.
"""

from __future__ import annotations

from typing import Any

import torch
from harness import options, write
from torch import Tensor

from covpool.functional import matrix_sqrt

CONDITIONS = [1e1, 1e2, 1e3, 1e4, 1e6]
STEPS = range(1, 11)
DIM, MATRICES = 128, 4


def main() -> None:
    """Measure all conditions and write results/accuracy_vs_steps.json."""
    given = options(__doc__ or "")
    torch.set_num_threads(given.threads)
    conditions, dim = (CONDITIONS[:1], 8) if given.smoke else (CONDITIONS, DIM)
    rows = [row for condition in conditions for row in measure(condition, dim)]
    for row in rows:
        print(row)
    if not given.smoke:
        print(write("accuracy_vs_steps", rows, dim=dim, matrices=MATRICES))


def measure(condition: float, dim: int) -> list[dict[str, Any]]:
    """For each number of steps: errors of value and gradient in float64, and how far float32 is from float64."""
    a, upstream = matrices(condition, dim), torch.randn(MATRICES, dim, dim, generator=_seeded(1)).double()
    exact = value_and_gradient(a, upstream, method="eig", steps=1)
    rows = []
    for steps in STEPS:
        double = value_and_gradient(a, upstream, method="newton-schulz", steps=steps)
        single = value_and_gradient(a.float(), upstream.float(), method="newton-schulz", steps=steps)
        row: dict[str, Any] = {"condition": condition, "steps": steps}
        for what, in_double, in_single, expected in zip(("value", "gradient"), double, single, exact, strict=True):
            row[f"{what}_error"] = relative_error(in_double, expected)
            row[f"{what}_rounding"] = relative_error(in_single, in_double)
        rows.append(row)
    return rows


def matrices(condition: float, dim: int) -> Tensor:
    """Symmetric positive definite float64 matrices (MATRICES, dim, dim) of this condition number."""
    q = torch.linalg.qr(torch.randn(MATRICES, dim, dim, generator=_seeded(0)).double())[0]
    values = torch.logspace(0, 1, dim, base=condition, dtype=torch.float64)
    return (q * values) @ q.mT


def value_and_gradient(a: Tensor, upstream: Tensor, *, method: str, steps: int) -> tuple[Tensor, Tensor]:
    """The root and the symmetric gradient of its inner product with ``upstream``."""
    a = a.clone().requires_grad_()
    y = matrix_sqrt(a, method=method, steps=steps, backend="plain")
    (gradient,) = torch.autograd.grad(y, a, upstream)
    return y.detach(), (gradient + gradient.mT) / 2


def relative_error(found: Tensor, expected: Tensor) -> float:
    """Norm of the difference over the norm of what is expected, to three digits."""
    return float(f"{float((found.double() - expected).norm() / expected.norm()):.3g}")


def _seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


if __name__ == "__main__":
    main()
