"""Covariance, Newton-Schulz root and triangle as one function with a closed-form gradient.

From centred descriptors X (C x N) with t = tr(XX')/N the layer's value is, exactly and for any number of steps,

    sqrt(t) A Z(A) = c X Z(G) X',    A = XX'/(Nt),  G = X'X/(Nt),  c = 1/(N sqrt(t)),

so the iteration may run on whichever of C x C and N x N is smaller. ``engine`` says how Z and its derivative are
had: by iteration, or in the coordinates that diagonalise the matrix.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from covpool.functional import _newton_schulz, _spectral_root
from covpool.functional.triangle import from_triangle, triangle

NO_DOUBLE = (
    "the fused square root has no gradient of its gradient; "
    "for double backward build the pool (or call the function) with backend='plain'"
)


class Iteration:
    """Z by the shared-residual iteration, in the coordinates that the matrix came in."""

    @staticmethod
    def factor(a: Tensor, steps: int) -> tuple[Tensor | None, list[Tensor]]:
        z, states = _newton_schulz.iterate(a, steps)
        return None, [z, *states]

    @staticmethod
    def times_z(x: Tensor, saved: list[Tensor]) -> Tensor:
        return x @ saved[0]

    @staticmethod
    def times_a(x: Tensor, saved: list[Tensor]) -> Tensor:
        return x @ saved[1]

    @staticmethod
    def derivative(direction: Tensor, saved: list[Tensor], steps: int) -> Tensor:
        return _newton_schulz.iterate_derivative(saved[1:], direction)


class Spectral:
    """Z in the coordinates of the eigenvectors, where it is diagonal."""

    @staticmethod
    def factor(a: Tensor, steps: int) -> tuple[Tensor | None, list[Tensor]]:
        values, vectors = _spectral_root.decompose(a)
        return vectors, [_spectral_root.polynomial(values, steps), values]

    @staticmethod
    def times_z(x: Tensor, saved: list[Tensor]) -> Tensor:
        return x * saved[0].unsqueeze(-2)

    @staticmethod
    def times_a(x: Tensor, saved: list[Tensor]) -> Tensor:
        return x * saved[1].unsqueeze(-2)

    @staticmethod
    def derivative(direction: Tensor, saved: list[Tensor], steps: int) -> Tensor:
        return direction * _spectral_root.divided_differences(saved[1], steps)


class _GramRoot(torch.autograd.Function):
    """The N x N side: V is X, rotated where the engine is spectral."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, steps: int, engine: type[Iteration] | type[Spectral]) -> Tensor:
        trace, safe = _trace(x)
        gram = x.mT @ (x / (x.shape[-1] * safe))
        vectors, saved = engine.factor(gram, steps)
        v = x if vectors is None else x @ vectors
        scale = 1 / (x.shape[-1] * safe.sqrt())
        y = triangle(engine.times_z(v * scale, saved) @ v.mT)
        ctx.steps, ctx.engine, ctx.rotated = steps, engine, vectors is not None
        ctx.save_for_backward(v, trace, y, *([] if vectors is None else [vectors]), *saved)
        return y

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None, None]:
        _refuse_double()
        v, trace, y, *saved = ctx.saved_tensors
        vectors = saved.pop(0) if ctx.rotated else None
        count, safe = v.shape[-1], _safe(trace)
        scale = 1 / (count * safe.sqrt())
        sv = _symmetric(upstream) @ v
        da = ctx.engine.derivative(v.mT @ (sv * scale), saved, ctx.steps)
        # the trace sits in A, in c and so in every entry of the result
        along = _inner(da, saved[1]) if vectors is None else _inner_diagonal(da, saved[1])
        of_trace = -(upstream * y).sum(-1)[:, None, None] / (2 * safe) - along / safe
        da = da / (count * safe)
        da.diagonal(dim1=-2, dim2=-1).add_(of_trace.squeeze(-1) / count)
        grad = torch.baddbmm(ctx.engine.times_z(sv, saved) * (2 * scale), v, da, alpha=2)
        return grad if vectors is None else grad @ vectors.mT, None, None


class _ChannelRoot(torch.autograd.Function):
    """The C x C side."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, steps: int, engine: type[Iteration] | type[Spectral]) -> Tensor:
        trace, safe = _trace(x)
        vectors, saved = engine.factor(x @ (x / (x.shape[-1] * safe)).mT, steps)
        root = safe.sqrt()
        if vectors is None:
            y = triangle(engine.times_a(saved[0] * root, saved))
        else:
            y = triangle((vectors * (saved[0] * saved[1]).unsqueeze(-2) * root) @ vectors.mT)
        ctx.steps, ctx.engine, ctx.rotated = steps, engine, vectors is not None
        ctx.save_for_backward(x, trace, y, *([] if vectors is None else [vectors]), *saved)
        return y

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None, None]:
        _refuse_double()
        x, trace, y, *saved = ctx.saved_tensors
        vectors = saved.pop(0) if ctx.rotated else None
        count, safe = x.shape[-1], _safe(trace)
        s = _symmetric(upstream) * safe.sqrt()
        if vectors is not None:
            s = vectors.mT @ s @ vectors
        direction = _symmetrise(ctx.engine.times_a(s, saved))
        da = ctx.engine.derivative(direction, saved, ctx.steps) + _symmetrise(ctx.engine.times_z(s, saved))
        along = _inner(da, saved[1]) if vectors is None else _inner_diagonal(da, saved[1])
        of_trace = (upstream * y).sum(-1)[:, None, None] / (2 * safe) - along / safe
        da = da / (count * safe)
        da.diagonal(dim1=-2, dim2=-1).add_(of_trace.squeeze(-1) / count)
        if vectors is not None:
            da = vectors @ da @ vectors.mT
        return 2 * da @ x, None, None


def fused_root(x: Tensor, steps: int, engine: type[Iteration] | type[Spectral]) -> Tensor:
    """Triangle of the root of the covariance of centred descriptors x (B, C, N), on the smaller side."""
    side = _GramRoot if x.shape[-1] < x.shape[-2] else _ChannelRoot
    return side.apply(x, steps, engine)


def _trace(x: Tensor) -> tuple[Tensor, Tensor]:
    trace = (x.square().sum((-2, -1)) / x.shape[-1])[:, None, None]
    return trace, _safe(trace)


def _safe(trace: Tensor) -> Tensor:
    return torch.where(trace > 0, trace, torch.ones_like(trace))


def _symmetric(upstream: Tensor) -> Tensor:
    """The gradient of the triangle as a symmetric matrix: each off-diagonal entry is shared by two places."""
    s = from_triangle(upstream / 2)
    s.diagonal(dim1=-2, dim2=-1).mul_(2)
    return s


def _symmetrise(a: Tensor) -> Tensor:
    return (a + a.mT) / 2


def _inner(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum((-2, -1))[:, None, None]


def _inner_diagonal(a: Tensor, values: Tensor) -> Tensor:
    return (a.diagonal(dim1=-2, dim2=-1) * values).sum(-1)[:, None, None]


def _refuse_double() -> None:
    if torch.is_grad_enabled():
        raise RuntimeError(NO_DOUBLE)
