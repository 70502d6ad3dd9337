"""The rows of all processes as one tensor that can be differentiated."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor


class GatherRows(torch.autograd.Function):
    """(B_r, ...) of each process r -> (sum of B_r, ...) at every process; each may have its own number of rows.

    What every process computes of the rows, it computes of the same rows. The gradient of a row is therefore the sum
    over what all processes send back: each of them counts its part of the loss by its share of the images, and the
    shares sum to the number of processes, by which the gradients are divided afterwards.
    """

    @staticmethod
    def forward(ctx: Any, own: Tensor, counts: list[int], rank: int) -> Tensor:
        """Pad to the longest, gather, and take the padding out again."""
        ctx.counts, ctx.rank = counts, rank
        padded = own.new_zeros(max(counts), *own.shape[1:])
        padded[: len(own)] = own
        found = [torch.empty_like(padded) for _ in counts]
        dist.all_gather(found, padded)
        return torch.cat([rows[:count] for rows, count in zip(found, counts, strict=True)])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        """The sum over the processes, and of it the own rows."""
        summed = gradients[0].contiguous().clone()
        dist.all_reduce(summed)
        begin = sum(ctx.counts[: ctx.rank])
        return summed[begin : begin + ctx.counts[ctx.rank]], None, None
