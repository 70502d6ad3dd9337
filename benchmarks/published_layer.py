"""The iSQRT-COV layer as its releases compute it: three functions with hand-written gradients.

Written from the published recurrences, operation for operation, so that a timing against it is a timing against the
released code: the N x N centring matrix repeated for each image, both Newton-Schulz sequences stored for each step,
ten products a step in the gradient of the root, a loop over the batch for its identity term. Its values and gradients
are compared with those of the official code in the tests.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function


class PublishedCovariance(Function):
    """X Ibar X' with Ibar = I/N - 11'/N^2."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        x = x.flatten(2)
        batch, count = len(x), x.shape[-1]
        centring = torch.eye(count, dtype=x.dtype) / count - torch.ones(count, count, dtype=x.dtype) / count**2
        centring = centring.repeat(batch, 1, 1)
        ctx.save_for_backward(x, centring)
        return x.bmm(centring).bmm(x.mT)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> Tensor:
        x, centring = ctx.saved_tensors
        return (upstream[0] + upstream[0].mT).bmm(x).bmm(centring)


class PublishedSqrt(Function):
    """Trace, ``steps`` coupled iterations with every Y and Z kept, trace again."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, steps: int) -> Tensor:
        batch, dim, _ = a.shape
        three = 3 * torch.eye(dim, dtype=a.dtype).repeat(batch, 1, 1)
        trace = (a * three).sum((1, 2)) / 3
        scaled = a / trace.view(batch, 1, 1)
        ys, zs = a.new_zeros(batch, steps, dim, dim), a.new_zeros(batch, steps, dim, dim)
        zs[:, 0] = 0.5 * (three - scaled)
        ys[:, 0] = scaled.bmm(zs[:, 0])
        for step in range(1, steps):
            t = 0.5 * (three - zs[:, step - 1].bmm(ys[:, step - 1]))
            ys[:, step] = ys[:, step - 1].bmm(t)
            if step < steps - 1:
                zs[:, step] = t.bmm(zs[:, step - 1])
        root = ys[:, steps - 1].clone()
        ctx.steps = steps
        ctx.save_for_backward(a, scaled, trace, root, ys, zs)
        return root * trace.sqrt().view(batch, 1, 1)

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> tuple[Tensor, None]:
        a, scaled, trace, root, ys, zs = ctx.saved_tensors
        batch, dim, _ = a.shape
        three = 3 * torch.eye(dim, dtype=a.dtype).repeat(batch, 1, 1)
        p = upstream[0] * trace.sqrt().view(batch, 1, 1)
        d = _through_steps(p, scaled, three, ys, zs, ctx.steps)
        along = (upstream[0] * root).sum((1, 2)) / (2 * trace.sqrt()) - (d * a).sum((1, 2)) / trace**2
        gradient = d / trace.view(batch, 1, 1)
        for image in range(batch):
            gradient[image] += along[image] * torch.eye(dim, dtype=a.dtype)
        return gradient, None


def _through_steps(p: Tensor, scaled: Tensor, three: Tensor, ys: Tensor, zs: Tensor, steps: int) -> Tensor:
    if steps == 1:
        return 0.5 * (p.bmm(three - scaled) - scaled.bmm(p))
    y, z = ys[:, steps - 2], zs[:, steps - 2]
    dy = 0.5 * (p.bmm(three - y.bmm(z)) - z.bmm(y).bmm(p))
    dz = -0.5 * y.bmm(p).bmm(y)
    for step in range(steps - 3, -1, -1):
        y, z = ys[:, step], zs[:, step]
        yz, zy = three - y.bmm(z), z.bmm(y)
        dy, dz = (
            0.5 * (dy.bmm(yz) - z.bmm(dz).bmm(z) - zy.bmm(dy)),
            0.5 * (yz.bmm(dz) - y.bmm(dy).bmm(y) - dz.bmm(zy)),
        )
    return 0.5 * (dy.bmm(three - scaled) - dz - scaled.bmm(dy)).mT


class PublishedTriangle(Function):
    """Upper triangle by the positions of the ones of a triangular matrix."""

    @staticmethod
    def forward(ctx: Any, a: Tensor) -> Tensor:
        batch, dim, _ = a.shape
        places = torch.ones(dim, dim).triu().flatten().nonzero().squeeze(1)
        ctx.save_for_backward(places)
        ctx.shape = a.shape
        return a.reshape(batch, dim * dim)[:, places]

    @staticmethod
    def backward(ctx: Any, *upstream: Tensor) -> Tensor:
        (places,) = ctx.saved_tensors
        batch, dim, _ = ctx.shape
        gradient = upstream[0].new_zeros(batch, dim * dim)
        gradient[:, places] = upstream[0]
        return gradient.view(batch, dim, dim)


def published_isqrt(x: Tensor, steps: int = 5) -> Tensor:
    """Map (B, C, H, W) -> (B, C(C+1)/2), as the released layers do it."""
    gradient_shape = x.shape
    covariance = PublishedCovariance.apply(x.reshape(*gradient_shape[:2], -1))
    return PublishedTriangle.apply(PublishedSqrt.apply(covariance, steps))
