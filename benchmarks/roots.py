"""Which form of the iSQRT-COV layer is fastest where, forward and backward, and what memory it takes.

Each row times the released layer and our backends in turn on the same tensors; ``times`` is the median over runs of
(time of the released layer) / (time of ours). ``over_limit`` compares ``auto`` with the time that the products of the
iteration alone would take, on the smaller side, at the rate that ``torch.bmm`` reaches there on this machine.
"""

from __future__ import annotations

from functools import partial
from time import perf_counter
from typing import Any

import torch
from harness import in_turn, options, paired_ratios, peak_bytes, write
from published_layer import published_isqrt
from torch import Tensor

from covpool.functional import isqrt_covariance

SHAPES = [(256, 14), (256, 7), (512, 7), (128, 8), (256, 28), (64, 14), (128, 14), (384, 14), (512, 14), (32, 7)]
BATCH, STEPS = 16, 5


def main() -> None:
    """Run all rows and write results/roots.json."""
    given = options(__doc__ or "")
    torch.set_num_threads(given.threads)
    shapes, repeats = ([(8, 3), (4, 5)], 1) if given.smoke else (SHAPES, given.repeats)
    rows = [measure(channels, side, repeats) for channels, side in shapes]
    for row in rows:
        print({key: row[key] for key in ("channels", "side", "memory_share", "over_limit")}, row["functions"])
    if not given.smoke:
        print(write("roots", rows, batch=BATCH, repeats=repeats, dtype="float32", steps=STEPS))


def measure(channels: int, side: int, repeats: int) -> dict[str, Any]:
    """One row: times, ratios and memory of every form for maps of ``channels`` x ``side`` x ``side``."""
    x = torch.rand(BATCH, channels, side, side, generator=torch.Generator().manual_seed(0))
    upstream = torch.randn(BATCH, channels * (channels + 1) // 2, generator=torch.Generator().manual_seed(1))
    functions = {"published": published_isqrt} | {
        backend: partial(_ours, backend=backend) for backend in ("auto", "iteration", "spectral", "plain")
    }
    times = in_turn(functions, x, upstream, repeats=repeats)
    memory = {name: peak_bytes(function, x, upstream) for name, function in functions.items()}
    rows, rate = paired_ratios(times, "published"), bmm_rate(min(channels, side * side))
    limit = BATCH * product_flops(channels, side * side) / rate / 1e6
    return {
        "channels": channels,
        "side": side,
        "functions": rows,
        "peak_mb": {name: round(size / 1e6, 2) for name, size in memory.items()},
        "memory_share": round(memory["auto"] / memory["published"], 3),
        "bmm_gflops": round(rate, 1),
        "limit_ms": round(limit, 2),
        "over_limit": round(rows["auto"]["ms"] / limit, 2),
    }


def product_flops(c: int, n: int) -> int:
    """Floating-point operations of all products of the iteration, forward and backward, for one image."""
    side, steps = min(c, n), STEPS - 1  # the first step has no products
    iteration = 8 * steps * side**3
    around = 5 * c * n**2 + 2 * c**2 * n if n < c else 2 * c**2 * n + 3 * c**3
    return 2 * (iteration + around)


def bmm_rate(side: int) -> float:
    """GFLOP/s of a batched product of ``side`` x ``side`` float32 matrices."""
    a = torch.rand(BATCH, side, side)
    torch.bmm(a, a)
    best = min(_seconds_of_product(a) for _ in range(10))
    return 2 * BATCH * side**3 / best / 1e9


def _seconds_of_product(a: Tensor) -> float:
    start = perf_counter()
    torch.bmm(a, a)
    return perf_counter() - start


def _ours(x: Tensor, backend: str) -> Tensor:
    return isqrt_covariance(x.flatten(2), backend=backend)


if __name__ == "__main__":
    main()
