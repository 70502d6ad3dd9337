"""Gradients under a loss scale: an overflow is part of the work, what is no number without the scale is not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from covpool.training.run import isolated_generators, set_generator_states

LOOKS, STEPS = 3, 24  # a scale of 2^16 has come down to 1 after 16 steps


class Overflows:
    """Counts looks at gradients that are no numbers, for want of a better look at them.

    Example:
        >>> overflows = Overflows()
        >>> [overflows.last_too_long(step, is_finite=step < 10) for step in (5, 10, 30, 40)]
        [False, False, False, True]
    """

    def __init__(self) -> None:
        self._begin, self._looks = 0, 0

    def last_too_long(self, step: int, *, is_finite: bool) -> bool:
        """Note what was seen in ``step``; True where the steps since the last finite gradient can be no overflow."""
        if is_finite:
            self._looks = 0
            return False
        self._begin = step if self._looks == 0 else self._begin
        self._looks += 1
        return self._looks >= LOOKS and step - self._begin >= STEPS


@contextmanager
def taken_again(network: nn.Module, generators: Mapping[str, Any]) -> Iterator[None]:
    """No gradients and these generators in the block; then gradients, buffers and generators are as before."""
    gradients = [(p, p.grad) for p in network.parameters()]
    buffers = [(buffer, buffer.clone()) for buffer in network.buffers()]
    for parameter, _ in gradients:
        parameter.grad = None
    with isolated_generators():
        set_generator_states(generators)
        try:
            yield
        finally:
            for parameter, gradient in gradients:
                parameter.grad = gradient
            _put_back(buffers)


@torch.no_grad()
def _put_back(values: Iterable[tuple[Tensor, Tensor]]) -> None:
    for tensor, value in values:
        tensor.copy_(value)
