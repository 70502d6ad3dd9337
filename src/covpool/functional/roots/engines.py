"""Two ways to have Z_k(A) and its derivative: by iteration, or in the coordinates that make A diagonal.

An engine turns a symmetric matrix with spectrum in [0, 1] into tensors to keep: the coordinates (None where they
are those of the matrix) and then Z, A and what else the derivative needs.
"""

from __future__ import annotations

import torch
from torch import Tensor

from covpool.functional.roots import newton_schulz, spectral_polynomial


class Iteration:
    """Z by the shared-residual iteration; all matrices are dense."""

    @staticmethod
    def factor(a: Tensor, steps: int) -> tuple[Tensor | None, list[Tensor]]:
        """Coordinates and [Z, A, ...] of the matrices ``a`` (B, n, n)."""
        z, states = newton_schulz.iterate(a, steps)
        return None, [z, a, *states]

    @staticmethod
    def times(x: Tensor, factor: Tensor, scale: Tensor | float = 1) -> Tensor:
        """``x`` times Z or A, times a number (B, 1, 1)."""
        return x @ (factor * scale)

    @staticmethod
    def inner(direction: Tensor, factor: Tensor) -> Tensor:
        """Inner product of a matrix with Z or A, (B, 1, 1)."""
        return (direction * factor).sum((-2, -1))[:, None, None]

    @staticmethod
    def derivative(direction: Tensor, kept: list[Tensor], steps: int) -> Tensor:
        """Derivative of Z in a symmetric direction."""
        return newton_schulz.iterate_derivative(kept[2:], direction)

    @staticmethod
    def root_gradient(upstream: Tensor, kept: list[Tensor], steps: int) -> tuple[Tensor, Tensor]:
        """Gradient of A Z in A for a symmetric ``upstream``, which is lost, and its inner product with A Z."""
        along = Iteration.derivative(_symmetrized(upstream @ kept[1]), kept, steps)
        beside = upstream @ kept[0]
        return along.add_(_symmetrized(beside)), Iteration.inner(beside, kept[1])


class Spectral:
    """Z in the coordinates of the eigenvectors; Z and A are vectors of diagonal entries."""

    @staticmethod
    def factor(a: Tensor, steps: int) -> tuple[Tensor | None, list[Tensor]]:
        """Eigenvectors and [Z, A] of the matrices ``a`` (B, n, n)."""
        values, vectors = spectral_polynomial.decompose(a)
        return vectors, [spectral_polynomial.polynomial(values, steps), values]

    @staticmethod
    def times(x: Tensor, factor: Tensor, scale: Tensor | float = 1) -> Tensor:
        """``x`` times Z or A, times a number (B, 1, 1)."""
        return x * (factor.unsqueeze(-2) * scale)

    @staticmethod
    def inner(direction: Tensor, factor: Tensor) -> Tensor:
        """Inner product of a matrix with Z or A, (B, 1, 1)."""
        return (direction.diagonal(dim1=-2, dim2=-1) * factor).sum(-1)[:, None, None]

    @staticmethod
    def derivative(direction: Tensor, kept: list[Tensor], steps: int) -> Tensor:
        """Derivative of Z in a symmetric direction."""
        return direction * spectral_polynomial.divided_differences(kept[1], steps)

    @staticmethod
    def root_gradient(upstream: Tensor, kept: list[Tensor], steps: int) -> tuple[Tensor, Tensor]:
        """Gradient of A Z in A for a symmetric ``upstream``, which is lost, and its inner product with A Z."""
        inner = Spectral.inner(upstream, kept[0] * kept[1])
        return upstream.mul_(spectral_polynomial.divided_differences(kept[1], steps, root=True)), inner


Engine = type[Iteration] | type[Spectral]
ENGINES: dict[str, Engine] = {"iteration": Iteration, "spectral": Spectral}


def to_coordinates(a: Tensor, vectors: Tensor | None) -> Tensor:
    """A matrix in the engine's coordinates."""
    return a if vectors is None else vectors.mT @ a @ vectors


def from_coordinates(a: Tensor, vectors: Tensor | None) -> Tensor:
    """A matrix back from the engine's coordinates."""
    return a if vectors is None else vectors @ a @ vectors.mT


def times_root(engine: Engine, kept: list[Tensor], vectors: Tensor | None) -> Tensor:
    """A Z, the root itself, in the coordinates of the matrix."""
    if vectors is None:
        return kept[1] @ kept[0]
    return (vectors * (kept[0] * kept[1]).unsqueeze(-2)) @ vectors.mT


def _symmetrized(a: Tensor) -> Tensor:
    return (a + a.mT).div_(2)


def trace_of(a: Tensor) -> Tensor:
    """The trace, (B, 1, 1), with 1 in place of 0: a zero matrix then has the root zero."""
    trace = a.diagonal(dim1=-2, dim2=-1).sum(-1)[:, None, None]
    return torch.where(trace > 0, trace, 1)
