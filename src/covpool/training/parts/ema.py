"""A running average of the weights, which often classifies better than the weights themselves."""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from itertools import chain
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from covpool.training.distributed.sharding import own_part

M = TypeVar("M", bound=nn.Module)


class MovingAverage(Generic[M]):
    r"""Exponential average of all parameters and buffers: $\bar w \leftarrow d_n \bar w + (1 - d_n) w$.

    $d_n = \min(d, \frac{1 + n}{10 + n})$ after $n$ updates, so that a short run is not dominated by its start.
    Whole numbers (counters of batches) are copied. ``network`` is the averaged network, in eval mode.

    Example:
        >>> source = nn.Linear(1, 1, bias=False)
        >>> average = MovingAverage(source, decay=0.9)
        >>> _ = source.weight.detach().add_(1.0)
        >>> average.update(source)
        >>> round((source.weight - average.network.weight).item(), 4)  # d = 1 / 10 at first
        0.1
    """

    def __init__(self, source: M, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self.network: M = deepcopy(source).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, source: nn.Module) -> None:
        """Move the average towards the tensors of ``source``."""
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        self.updates += 1
        averages: list[Tensor] = []
        currents: list[Tensor] = []
        for average, current in zip(_tensors(self.network), _tensors(source), strict=True):
            if average.is_floating_point():
                averages.append(average)
                currents.append(current)
            else:
                average.copy_(current)
        torch._foreach_lerp_(averages, currents, 1.0 - decay)

    def load_state_dict(self, network: dict[str, Any], updates: int) -> None:
        """Take over the averaged tensors and the number of updates."""
        self.network.load_state_dict(network)
        self.updates = updates


def _tensors(network: nn.Module) -> Iterator[Tensor]:
    """The slices of this process, where they are shared out."""
    return map(own_part, chain(network.parameters(), network.buffers()))
