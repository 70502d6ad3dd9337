"""What a network costs: parameters, operations, time and memory."""

from __future__ import annotations

import gc
from collections.abc import Callable
from dataclasses import asdict, dataclass
from statistics import median, quantiles
from time import perf_counter

import torch
from torch import Tensor, nn

from covpool.evaluation.flops import forward_flops
from covpool.evaluation.memory import forward_peak_bytes
from covpool.evaluation.predict import evaluating, pick_device


@dataclass(frozen=True, kw_only=True)
class Cost:
    """The cost of one forward pass in float32 and eval mode.

    ``flops`` is for one picture (see ``forward_flops``); ``ms_per_image`` is the median of repeated batches of
    ``batch_size`` divided by it, with its quartiles in ``ms_per_image_spread``; ``peak_memory_mb`` (10^6 bytes) is
    of such a batch (see ``forward_peak_bytes``).
    """

    parameters: int
    flops: int
    ms_per_image: float
    ms_per_image_spread: tuple[float, float]
    peak_memory_mb: float
    batch_size: int

    def to_dict(self) -> dict[str, object]:
        """Plain data for JSON."""
        return {**asdict(self), "ms_per_image_spread": list(self.ms_per_image_spread)}


def cost(
    network: nn.Module,
    image_size: int,
    *,
    batch_size: int = 8,
    repeats: int = 7,
    channels: int = 3,
    device: str | torch.device = "auto",
) -> Cost:
    """Measure ``network`` on random pictures (batch_size, channels, image_size, image_size).

    Args:
        batch_size: 8, enough to fill a processor and small enough for any.
        repeats: timed batches after two for warming up; 7 gives a median that one disturbed batch cannot move.

    Example:
        >>> measured = cost(nn.Conv2d(3, 4, 1, bias=False), image_size=2, batch_size=1, device="cpu")
        >>> measured.parameters, measured.flops
        (12, 96)
    """
    place = pick_device(device)
    noise = torch.Generator().manual_seed(0)
    x = torch.randn(batch_size, channels, image_size, image_size, generator=noise)
    return cost_on(network.to(place), x.to(place), repeats=repeats)


@torch.no_grad()
def cost_on(network: nn.Module, x: Tensor, *, repeats: int = 7) -> Cost:
    """Measure ``network`` on the batch ``x``, which may be anything it takes, such as feature maps."""
    with evaluating(network):
        seconds = time_repeats(lambda: network(x), repeats=repeats, device=x.device)
    low, middle, high = (1000 * s / len(x) for s in quartiles(seconds))
    return Cost(
        parameters=sum(p.numel() for p in network.parameters()),
        flops=forward_flops(network, x[:1]),
        ms_per_image=middle,
        ms_per_image_spread=(low, high),
        peak_memory_mb=forward_peak_bytes(network, x) / 1e6,
        batch_size=len(x),
    )


def time_repeats(work: Callable[[], object], *, repeats: int, device: torch.device, warm_up: int = 2) -> list[float]:
    """Seconds of each of ``repeats`` calls, after ``warm_up`` calls that are not kept; garbage collection off."""
    for _ in range(warm_up):
        work()
    collecting = gc.isenabled()
    gc.disable()
    try:
        return [_seconds(work, device) for _ in range(repeats)]
    finally:
        if collecting:
            gc.enable()


def quartiles(values: list[float]) -> tuple[float, float, float]:
    """Lower quartile, median, upper quartile; a single value is all three.

    Example:
        >>> quartiles([3.0, 1.0, 2.0])
        (1.5, 2.0, 2.5)
    """
    if len(values) == 1:
        return values[0], values[0], values[0]
    low, _, high = quantiles(values, n=4, method="inclusive")
    return low, median(values), high


def _seconds(work: Callable[[], object], device: torch.device) -> float:
    _wait(device)
    start = perf_counter()
    work()
    _wait(device)
    return perf_counter() - start


def _wait(device: torch.device) -> None:
    if device.type != "cpu":
        torch.accelerator.synchronize(device)
