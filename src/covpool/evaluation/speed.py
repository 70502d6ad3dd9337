"""How fast a network answers: throughput and latency over batch sizes and number formats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from covpool.evaluation.cost import quartiles, time_repeats
from covpool.evaluation.memory import forward_peak_bytes
from covpool.evaluation.predict import Precision, evaluating, pick_device, precision_context


class Latency(NamedTuple):
    """Milliseconds of a batch: half, nine of ten and ninety-nine of a hundred took at most so long."""

    p50: float
    p90: float
    p99: float


@dataclass(frozen=True, kw_only=True)
class Speed:
    """The forward pass of one batch size in one number format, in eval mode.

    ``images_per_second`` is the batch size divided by the median time of a batch, with that of its quartiles in
    ``images_per_second_spread``; ``peak_memory_mb`` (10^6 bytes) counts tensors (see ``forward_peak_bytes``). All are
    None where the batch did not fit into the device's memory.
    """

    batch_size: int
    precision: Precision
    images_per_second: float | None = None
    images_per_second_spread: tuple[float, float] | None = None
    latency_ms: Latency | None = None
    peak_memory_mb: float | None = None
    repeats: int = 0

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        spread, latency = self.images_per_second_spread, self.latency_ms
        named = None if latency is None else latency._asdict()
        return {**asdict(self), "images_per_second_spread": spread and list(spread), "latency_ms": named}


def latency(seconds: Sequence[float]) -> Latency:
    """The percentiles of ``seconds`` in milliseconds, linear between neighbours as numpy's.

    With fewer than a hundred values the 99th lies just below the slowest.

    Example:
        >>> latency([0.001, 0.002, 0.003])
        Latency(p50=2.0, p90=2.8, p99=2.98)
    """
    return Latency(*(round(float(value), 9) for value in 1000 * np.percentile(seconds, (50, 90, 99))))


def speed(
    network: nn.Module,
    image_size: int,
    *,
    batch_sizes: Sequence[int] = (1, 8, 32),
    precisions: Sequence[Precision] = ("32-true",),
    repeats: int = 30,
    warm_up: int = 5,
    channels: int = 3,
    device: str | torch.device = "auto",
) -> list[Speed]:
    """Measure ``network`` on random pictures, every batch size in every number format.

    Args:
        repeats: timed batches; 30 give a median that few disturbed batches cannot move. For a 99th percentile that
            means something take some hundreds.
        warm_up: batches before that are not kept: libraries choose their algorithms and memory is touched first.

    Example:
        >>> (found,) = speed(nn.Conv2d(3, 4, 1), 8, batch_sizes=[2], repeats=3, device="cpu")
        >>> found.batch_size, found.images_per_second > 0
        (2, True)
    """
    place = pick_device(device)
    network.to(place)
    found = []
    with evaluating(network):
        for precision, size in product(precisions, batch_sizes):
            try:
                shape = (size, channels, image_size, image_size)
                found.append(_measured(network, shape, precision, place, repeats=repeats, warm_up=warm_up))
            except torch.OutOfMemoryError:
                found.append(Speed(batch_size=size, precision=precision))
    return found


@torch.no_grad()
def _measured(
    network: nn.Module,
    shape: tuple[int, ...],
    precision: Precision,
    device: torch.device,
    *,
    repeats: int,
    warm_up: int,
) -> Speed:
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(device)
    with precision_context(precision, device):
        seconds = time_repeats(lambda: network(x), repeats=repeats, device=device, warm_up=warm_up)
        peak = forward_peak_bytes(network, x)
    low, middle, high = quartiles(seconds)
    return Speed(
        batch_size=shape[0],
        precision=precision,
        images_per_second=shape[0] / middle,
        images_per_second_spread=(shape[0] / high, shape[0] / low),
        latency_ms=latency(seconds),
        peak_memory_mb=peak / 1e6,
        repeats=repeats,
    )
