"""Networks so small that their whole Hessian can be written out, and the Hessian."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import nn

from covpool.models import Head
from covpool.pooling import create_pool


class Tiny(nn.Module):
    """A convolution, batch norm, a smooth activation and a pool: 50 parameters or so."""

    def __init__(self, pool: str = "isqrt", *, dropout: float = 0.0, **options):
        super().__init__()
        self.backbone = nn.ModuleDict(
            {"conv": nn.Conv2d(1, 3, 3, bias=False), "bn1": nn.BatchNorm2d(3), "drop": nn.Dropout(dropout)}
        )
        self.head = Head(create_pool(pool, 3, **options), 3)

    def forward_features(self, x):
        return F.softplus(self.backbone["drop"](self.backbone["bn1"](self.backbone["conv"](x))))

    def forward(self, x):
        return self.head(self.forward_features(x))


def tiny(pool="isqrt", seed=0, **options):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Tiny(pool, **options)


def batches(count=2, size=5, seed=1):
    draws = torch.Generator().manual_seed(seed)
    return [
        (torch.randn(size, 1, 6, 6, generator=draws), torch.randint(0, 3, (size,), generator=draws))
        for _ in range(count)
    ]


def full_hessian(objective):
    """All columns by torch's own function, over all batches; no line of it is ours but the network.

    ``torch.func.hessian`` is no reference here: under vmap torch 2.14 leaves terms of the second derivative in a batch
    norm's weight out, as differences of gradients show.
    """

    def loss(point):
        parts = dict(zip(objective.names, objective.tensors(point), strict=True))
        total = 0.0
        for images, labels in objective.batches:
            buffers = {name: buffer.clone() for name, buffer in objective.network.named_buffers()}
            logits = torch.func.functional_call(objective.network, {**parts, **buffers}, (images.to(objective.dtype),))
            total = total + F.cross_entropy(logits, labels, reduction="sum")
        return total / objective.examples

    return torch.autograd.functional.hessian(loss, objective.start)


class Quadratic(nn.Module):
    """Half x'Ax - b'x as a network that looks at no picture: its "logits" are the value."""

    def __init__(self, matrix, start):
        super().__init__()
        self.x = nn.Parameter(start.clone())
        self.register_buffer("matrix", matrix)

    def forward(self, images):
        return (self.x @ self.matrix @ self.x / 2).expand(len(images))


def quadratic(size=12, seed=0):
    """A symmetric matrix with negative eigenvalues too, and the objective of its form."""
    from covpool.analysis import Objective

    draws = torch.Generator().manual_seed(seed)
    a = torch.randn(size, size, generator=draws, dtype=torch.float64)
    matrix, start = a + a.T, torch.randn(size, generator=draws, dtype=torch.float64)
    nothing = [(torch.zeros(2, 1), torch.zeros(2))]
    return matrix, Objective(Quadratic(matrix, start), nothing, lambda y, _: y.mean())
