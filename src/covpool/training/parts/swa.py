"""The equal average of the weights at the ends of the last epochs, with batch norms measured anew."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import deepcopy
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from covpool.training.distributed.sharding import own_part

M = TypeVar("M", bound=nn.Module)
NORMS = nn.modules.batchnorm._BatchNorm


class EqualAverage(Generic[M]):
    r"""$\bar w_n = \bar w_{n-1} + (w - \bar w_{n-1}) / n$ of all parameters, after each of the last epochs.

    Whoever judges ``network`` calls ``measure`` before: the running statistics of batch norms belong to no average of
    weights, and are measured on the training pictures again.
    Source: Izmailov et al., Averaging Weights Leads to Wider Optima and Better Generalization, UAI 2018; torch's
    ``AveragedModel`` and ``update_bn``. Departs from ``update_bn``: only batch norms are in training mode meanwhile.

    Example:
        >>> source = nn.Linear(1, 1, bias=False)
        >>> average = EqualAverage(source)
        >>> for epoch, value in enumerate((1.0, 4.0)):
        ...     _ = source.weight.detach().fill_(value)
        ...     average.take(source, epoch + 1)
        >>> average.network.weight.item()
        2.5
    """

    def __init__(self, source: M) -> None:
        self.updates = 0
        self.network: M = deepcopy(source).eval().requires_grad_(False)

    @torch.no_grad()
    def take(self, source: nn.Module, number: int) -> None:
        """Take in the weights of ``source`` as the ``number``-th, from 1; a second time changes nothing."""
        if number <= self.updates:
            return
        self.updates = number
        averages: list[Tensor] = list(map(own_part, self.network.parameters()))
        currents: list[Tensor] = list(map(own_part, source.parameters()))
        torch._foreach_lerp_(averages, currents, 1.0 / number)
        for average, current in zip(self.network.buffers(), source.buffers(), strict=True):
            average.copy_(current)

    @torch.no_grad()
    def measure(self, batches: Iterable[Tensor], progress: Callable[[], None] = lambda: None) -> None:
        """Running statistics of batch norms as the mean over ``batches`` of pictures; nothing without such norms."""
        norms = [
            module for module in self.network.modules() if isinstance(module, NORMS) and module.track_running_stats
        ]
        if not norms:
            return
        momenta = [norm.momentum for norm in norms]
        for norm in norms:
            norm.reset_running_stats()
            norm.momentum = None  # the mean over all batches
            norm.train()
        try:
            for images in batches:
                self.network(images)
                progress()
        finally:
            self.network.eval()
            for norm, momentum in zip(norms, momenta, strict=True):
                norm.momentum = momentum

    def load_state_dict(self, network: dict[str, Any], updates: int) -> None:
        """Take over the averaged tensors and how many epochs they are of."""
        self.network.load_state_dict(network)
        self.updates = updates
