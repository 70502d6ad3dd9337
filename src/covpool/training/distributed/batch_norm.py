r"""Batch norms that see the batches of all processes as one, on any device and inside any module.

torch's own SyncBatchNorm takes no tensors of a CPU, and replaces modules, which timm's norms with an activation in them
do not survive. Here each norm keeps its class, its parameters and its names; only the batch statistics are others.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import Tensor, nn

from covpool.training.distributed.replaced_calls import replace_calls

NORMS = nn.modules.batchnorm._BatchNorm


def synchronize_batch_norms(network: nn.Module) -> None:
    """From now on the batch norms of ``network`` normalise by the statistics over all processes while training."""
    replace_calls((module for module in network.modules() if isinstance(module, NORMS)), {F.batch_norm: batch_norm})


def batch_norm(
    x: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """``torch.nn.functional.batch_norm`` with the batch statistics of all processes; running statistics likewise.

    Shape: x (B, C, ...) -> the same. Dtype: statistics in float32 (float64 of float64); returned in that of x.
    Gradient: closed form, one sum over the processes.

    Raises:
        ValueError: one value a channel in all processes together.
    """
    if not training:
        return F.batch_norm(x, running_mean, running_var, weight, bias, False, momentum, eps)
    mean, var, count = _moments(x.detach())
    if count < 2:
        raise ValueError(f"batch norm needs more than 1 value a channel in training; got x of shape {tuple(x.shape)}")
    if running_mean is not None and running_var is not None:
        running_mean.lerp_(mean.to(running_mean.dtype), momentum)
        running_var.lerp_((var * (count / (count - 1))).to(running_var.dtype), momentum)
    out: Tensor = _Normalize.apply(x, mean, var, count, weight, bias, eps)
    return out


def _moments(x: Tensor) -> tuple[Tensor, Tensor, float]:
    """Mean and biased variance (C) over all processes, and how many values a channel has there.

    Each process gives its own mean and variance, which are combined: sums of squares would cancel.
    """
    wide = x if x.dtype == torch.float64 else x.float()
    dims = [0, *range(2, x.ndim)]
    own_var, own_mean = torch.var_mean(wide, dims, correction=0)
    count = own_mean.new_full((1,), x.numel() / x.shape[1])
    own = torch.cat([own_mean, own_var, count])
    found = [torch.empty_like(own) for _ in range(dist.get_world_size())]
    dist.all_gather(found, own)
    stacked = torch.stack(found).double() if own.device.type != "mps" else torch.stack(found)
    means, variances, counts = stacked[:, : x.shape[1]], stacked[:, x.shape[1] : -1], stacked[:, -1:]
    total = counts.sum()
    mean = (means * counts).sum(0) / total
    var = ((variances + (means - mean).square()) * counts).sum(0) / total
    return mean.to(wide.dtype), var.to(wide.dtype), total.item()


class _Normalize(torch.autograd.Function):
    r"""$y = \gamma \hat x + \beta$ with $\hat x = (x - \mu) / \sigma$, where $\mu$ and $\sigma$ are of all processes:
    $\partial x = \frac{\gamma}{\sigma} (g - \frac{1}{n} \sum g - \frac{\hat x}{n} \sum g \hat x)$, sums over all."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, mean: Tensor, var: Tensor, count: float, weight: Any, bias: Any, eps: float
    ) -> Tensor:
        """Normalise by the given statistics."""
        ctx.save_for_backward(x, mean, (var + eps).rsqrt(), weight)
        ctx.count, ctx.has_bias = count, bias is not None
        return F.batch_norm(x, mean, var, weight, bias, False, 0.0, eps)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """The gradients of x, weight and bias; those of the parameters over the own batch only."""
        x, mean, inverse, weight = ctx.saved_tensors
        shape = [1, -1, *[1] * (x.ndim - 2)]
        dims = [0, *range(2, x.ndim)]
        g = gradients[0].to(mean.dtype)
        normal = (x.to(mean.dtype) - mean.view(shape)) * inverse.view(shape)
        own = torch.stack([g.sum(dims), (g * normal).sum(dims)])
        both = own.clone()
        dist.all_reduce(both)
        both = (both / ctx.count).view(2, *shape)
        scale = inverse if weight is None else inverse * weight
        dx = ((g - both[0] - normal * both[1]) * scale.view(shape)).to(x.dtype)
        of_weight = None if weight is None else own[1].to(weight.dtype)
        return dx, None, None, None, of_weight, own[0].to(mean.dtype) if ctx.has_bias else None, None
