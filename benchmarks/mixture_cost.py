"""What gm-sop with K of M candidates costs against K pools like one of its candidates, each alone.

A single pool is what one candidate is: two 1x1 convolutions with ReLU, covariance, root, triangle. The mixture has its
gate on top: convolutions, a pool of its own, the choice, and the normalisation of the sum. Forward and backward in
training mode, taken in turn; ``ratio`` is the median over runs of mixture / K single pools.
"""

from __future__ import annotations

from typing import Any

import torch
from harness import in_turn, options, paired_ratios, write
from torch import Tensor, nn

from covpool.pooling import create_pool

BATCH, CANDIDATES = 16, 16
ROWS = [(128, 8, 8), (128, 8, 4), (128, 8, 2), (128, 14, 8), (256, 7, 8)]
"""(channels in and out of a candidate, side of the map, active K); the first is the released ResNet-18."""


class SinglePools(nn.Module):
    """K candidates on their own, for the whole batch, and their sum."""

    def __init__(self, channels: int, count: int) -> None:
        super().__init__()
        self.pools = nn.ModuleList(_candidate(channels) for _ in range(count))

    def forward(self, x: Tensor) -> Tensor:
        total = self.pools[0](x)
        for pool in self.pools[1:]:
            total = total + pool(x)
        return total


def _candidate(channels: int) -> nn.Module:
    first, second = (nn.Conv2d(*pair, 1, bias=False) for pair in ((channels, 2 * channels), (2 * channels, channels)))
    return nn.Sequential(first, nn.ReLU(), second, nn.ReLU(), create_pool("sr-sop", channels))


def main() -> None:
    """Time all rows and write results/mixture_cost.json."""
    given = options(__doc__ or "")
    torch.set_num_threads(given.threads)
    shapes, repeats = ([(6, 3, 2)], 1) if given.smoke else (ROWS, given.repeats)
    rows = [measure(*shape, repeats) for shape in shapes]
    for row in rows:
        print(row)
    if not given.smoke:
        print(write("mixture_cost", rows, batch=BATCH, candidates=CANDIDATES, repeats=repeats, dtype="float32"))


def measure(channels: int, side: int, active: int, repeats: int) -> dict[str, Any]:
    """One row: milliseconds of both, and their ratio with its quartiles."""
    torch.manual_seed(0)
    mixture = create_pool("gm-sop", channels, candidates=CANDIDATES, active=active)
    singles = SinglePools(channels, active)
    x = torch.rand(BATCH, channels, side, side)
    upstream = torch.randn(BATCH, mixture.out_features)
    times = in_turn({"mixture": mixture, "singles": singles}, x, upstream, repeats=repeats)
    rows = paired_ratios(times, "mixture")
    ratio = {"ratio": rows["singles"]["times"], "ratio_spread": rows["singles"]["times_spread"]}
    shape = {"channels": channels, "side": side, "active": active}
    return {**shape, "mixture_ms": rows["mixture"]["ms"], "singles_ms": rows["singles"]["ms"], **ratio}


if __name__ == "__main__":
    main()
