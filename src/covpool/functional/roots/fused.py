"""The Newton-Schulz root with its closed-form gradient, and covariance, root and triangle in one function.

From centred descriptors X (C x N) with t = tr(XX')/N the layer's value is, exactly and for any number of steps,

    sqrt(t) A Z(A) = c X Z(G) X',    A = XX'/(Nt),  G = X'X/(Nt),  c = 1/(N sqrt(t)),

so the work may be done on whichever of C x C and N x N is smaller. All gradients below are in closed form; being a
symmetric matrix times centred descriptors, they are centred themselves.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from covpool.functional.roots.engines import (
    ENGINES,
    Engine,
    from_coordinates,
    times_root,
    to_coordinates,
    trace_of,
)
from covpool.functional.triangle import from_triangle, triangle

NO_DOUBLE_BACKWARD = (
    "the fast matrix root has no gradient of its gradient; for double backward pass backend='plain' "
    "(create_pool('isqrt', C, backend='plain'))"
)


class _GramRoot(torch.autograd.Function):
    """Descriptors (B, C, N) -> triangle of the root, by way of the N x N side."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, steps: int, backend: str) -> Tensor:
        engine, count = ENGINES[backend], x.shape[-1]
        x = x - x.mean(-1, keepdim=True)
        gram = torch.bmm(x.mT, x).div_(count)
        trace = trace_of(gram)
        vectors, kept = engine.factor(gram.div_(trace), steps)
        v = x if vectors is None else x @ vectors
        y = engine.times(v, kept[0], 1 / (count * trace.sqrt())) @ v.mT
        _keep(ctx, steps, backend, vectors, v, trace, *kept)
        return triangle(y)

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None, None]:
        engine, vectors, (v, trace, *kept) = _kept(ctx)
        count = v.shape[-1]
        scale = 1 / (count * trace.sqrt())
        sv = torch.bmm(_symmetric_twice(upstream), v)
        e = torch.bmm(v.mT, sv).mul_(scale / 2)
        along = engine.inner(e, kept[0])  # <S, Y>
        da = engine.derivative(e, kept, ctx.steps)
        of_trace = -along / (2 * trace) - engine.inner(da, kept[1]) / trace
        inner = _plus_diagonal(da.mul_(2 / (count * trace)), 2 * of_trace / count)
        grad = engine.times(sv, kept[0], scale).baddbmm_(v, inner)
        return (grad if vectors is None else grad @ vectors.mT), None, None


class _ChannelRoot(torch.autograd.Function):
    """Descriptors (B, C, N) -> triangle of the root, by way of the C x C side."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, steps: int, backend: str, ridge: float) -> Tensor:
        engine = ENGINES[backend]
        covariance = _plus_diagonal(_covariance(x), ridge)
        trace = trace_of(covariance)
        vectors, kept = engine.factor(covariance.div_(trace), steps)
        _keep(ctx, steps, backend, vectors, x, trace, *kept)
        return triangle(times_root(engine, kept, vectors)).mul_(trace.sqrt().squeeze(-1))

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None, None, None]:
        engine, vectors, (x, trace, *kept) = _kept(ctx)
        scale = trace.sqrt() / x.shape[-1]  # half of it, doubled by the gradient of X X'
        a = to_coordinates(_symmetric_twice(upstream).mul_(scale), vectors)
        a = _gradient(engine, vectors, trace, kept, a, ctx.steps)
        return _times_centred(a, x), None, None, None


class _MatrixRoot(torch.autograd.Function):
    """Symmetric PSD matrices (B, C, C) -> their roots."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, steps: int, backend: str) -> Tensor:
        engine, trace = ENGINES[backend], trace_of(a)
        vectors, kept = engine.factor(a / trace, steps)
        _keep(ctx, steps, backend, vectors, trace, *kept)
        return times_root(engine, kept, vectors).mul_(trace.sqrt())

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[Tensor, None, None]:
        engine, vectors, (trace, *kept) = _kept(ctx)
        s = to_coordinates((upstream + upstream.mT).mul_(trace.sqrt() / 2), vectors)
        return _gradient(engine, vectors, trace, kept, s, ctx.steps), None, None


def _gradient(
    engine: Engine, vectors: Tensor | None, trace: Tensor, kept: list[Tensor], s: Tensor, steps: int
) -> Tensor:
    """Gradient in t A, by A = (t A)/t and by the factor sqrt(t), from ``s``, that of A Z in the coordinates."""
    da, along = engine.root_gradient(s, kept, steps)
    of_trace = along / (2 * trace) - engine.inner(da, kept[1]) / trace
    return from_coordinates(_plus_diagonal(da.div_(trace), of_trace), vectors)


def _covariance(x: Tensor) -> Tensor:
    x = x - x.mean(-1, keepdim=True)
    return torch.bmm(x, x.mT).div_(x.shape[-1])


IMAGES_AT_ONCE = 4
"""Images that are centred again at a time for the gradient, so that no second copy of the map is kept."""


def _times_centred(a: Tensor, x: Tensor) -> Tensor:
    """``a`` times the centred descriptors."""
    product = torch.empty_like(x)
    parts = (tensor.split(IMAGES_AT_ONCE) for tensor in (a, x, product))
    for left, right, out in zip(*parts, strict=True):
        torch.bmm(left, right - right.mean(-1, keepdim=True), out=out)
    return product


def smaller_side(x: Tensor, ridge: float) -> int:
    """Side of the matrices that ``descriptors_root`` works on. A ridge has no N x N side: it fills the null space."""
    return x.shape[-2] if ridge else min(x.shape[-2:])


def descriptors_root(x: Tensor, steps: int, backend: str, ridge: float = 0.0) -> Tensor:
    """Triangle of the root of the covariance (plus ``ridge`` I) of descriptors x (B, C, N), on the smaller side."""
    if smaller_side(x, ridge) < x.shape[-2]:
        return _GramRoot.apply(x, steps, backend)
    return _ChannelRoot.apply(x, steps, backend, ridge)


def matrix_root(a: Tensor, steps: int, backend: str) -> Tensor:
    """Root of symmetric matrices (..., C, C); the gradient is the symmetric one."""
    return _MatrixRoot.apply(a.flatten(0, -3) if a.dim() > 3 else a.view(-1, *a.shape[-2:]), steps, backend).view_as(a)


def _keep(ctx: Any, steps: int, backend: str, vectors: Tensor | None, *tensors: Tensor) -> None:
    ctx.steps, ctx.backend, ctx.rotated = steps, backend, vectors is not None
    ctx.save_for_backward(*tensors, *([] if vectors is None else [vectors]))


def _kept(ctx: Any) -> tuple[Any, Tensor | None, list[Tensor]]:
    if torch.is_grad_enabled():
        raise RuntimeError(NO_DOUBLE_BACKWARD)
    tensors = list(ctx.saved_tensors)
    vectors = tensors.pop() if ctx.rotated else None
    return ENGINES[ctx.backend], vectors, tensors


def _symmetric_twice(upstream: Tensor) -> Tensor:
    """Twice the gradient of the triangle as a symmetric matrix: an off-diagonal entry stands for two places."""
    s = from_triangle(upstream)
    s.diagonal(dim1=-2, dim2=-1).mul_(2)
    return s


def _plus_diagonal(a: Tensor, value: Tensor | float) -> Tensor:
    a.diagonal(dim1=-2, dim2=-1).add_(value.squeeze(-1) if isinstance(value, Tensor) else value)
    return a
