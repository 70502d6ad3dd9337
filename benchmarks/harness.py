"""What every benchmark shares: runs in turn, medians with quartiles, peak memory, a stamped JSON file."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import torch
from torch import Tensor

from covpool.evaluation import stamp
from covpool.evaluation.cost import quartiles
from covpool.evaluation.memory import LiveStorages

RESULTS = Path(__file__).parent / "results"


def seconds_of_pass(function: Callable[[Tensor], Tensor], x: Tensor, upstream: Tensor) -> float:
    """Wall time of one forward and backward pass from ``x``."""
    x = x.detach().requires_grad_()
    start = perf_counter()
    function(x).backward(upstream)
    return perf_counter() - start


def in_turn(
    functions: Mapping[str, Callable[[Tensor], Tensor]], x: Tensor, upstream: Tensor, *, repeats: int
) -> dict[str, list[float]]:
    """Seconds of forward and backward of each function, taken in turn (A B C A B C ...) after one warm-up each."""
    for function in functions.values():
        seconds_of_pass(function, x, upstream)
    times: dict[str, list[float]] = {name: [] for name in functions}
    for _ in range(repeats):
        for name, function in functions.items():
            times[name].append(seconds_of_pass(function, x, upstream))
    return times


def paired_ratios(times: Mapping[str, list[float]], reference: str) -> dict[str, dict[str, Any]]:
    """For each function: median milliseconds, and median and quartiles of reference / function, run by run."""
    rows = {}
    for name, values in times.items():
        ratios = [r / v for r, v in zip(times[reference], values, strict=True)]
        low, middle, high = quartiles(ratios)
        rows[name] = {"ms": round(1e3 * median(values), 3), "times": round(middle, 2)}
        rows[name]["times_spread"] = [round(low, 2), round(high, 2)]
    return rows


def peak_bytes(function: Callable[[Tensor], Tensor], x: Tensor, upstream: Tensor) -> int:
    """Most bytes of tensors alive at once in a forward and backward pass, beyond what was there before."""
    x = x.detach().requires_grad_()
    with LiveStorages([x, upstream]) as counter:
        before = counter.peak
        function(x).backward(upstream)
    return counter.peak - before


def options(about: str) -> argparse.Namespace:
    """The command line that all benchmarks share."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--smoke", action="store_true", help="tiny sizes, one repeat, nothing written")
    parser.add_argument("--repeats", type=int, default=15, help="timed runs of each function")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads(), help="threads of torch")
    return parser.parse_args()


def write(name: str, rows: list[dict[str, Any]], **settings: Any) -> Path:
    """Write results/<name>.json with date, commit and machine."""
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    content = {"benchmark": name, **stamp(), "settings": settings, "rows": rows}
    path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    return path
