"""How fast pictures are corrupted, and glass blur beside a loop over pixels in Python.

Every corruption at every severity on one picture, one core. Glass blur stands beside two loops with the same outcome to
the last pixel: one draws a displacement a pixel as it goes, as the released program does; the other is handed all
displacements as lists and only moves pixels, which no such loop can undercut. ``times`` is a loop's seconds over ours.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
import torch
from harness import options, paired_ratios, write
from scipy.ndimage import gaussian_filter

from covpool.data.corruptions import SEVERITIES, blur, corrupt, corruptions

SIDE, BAR = 224, 10.0


def main() -> None:
    """Time all rows and write results/corruptions.json."""
    given = options(__doc__ or "")
    torch.set_num_threads(given.threads)
    side, repeats = (24, 1) if given.smoke else (SIDE, min(given.repeats, 7))
    picture = photograph(side)
    rows = [{"corruption": name, "ms": [timed(picture, name, s, repeats) for s in SEVERITIES]} for name in corruptions]
    rows += [glass(picture, severity, repeats) for severity in SEVERITIES]
    print(*rows, sep="\n")
    if not given.smoke:
        print(write("corruptions", rows, side=side, repeats=repeats, bar=BAR))


def photograph(side: int) -> np.ndarray:
    """Smooth colours with some detail: uint8 (side, side, 3)."""
    rng = np.random.RandomState(0)
    values = sum(gaussian_filter(rng.normal(size=(side, side, 3)), (s, s, 0)) * s for s in (1, 4, 16))
    low, high = np.quantile(values, [0.01, 0.99])
    return (np.clip((values - low) / (high - low), 0, 1) * 255).astype(np.uint8)


def timed(picture: np.ndarray, name: str, severity: int, repeats: int) -> float:
    """Median milliseconds after one run for warming up."""
    seconds = []
    for _ in range(repeats + 1):
        start = perf_counter()
        corrupt(picture, name, severity)
        seconds.append(perf_counter() - start)
    return round(1e3 * median(seconds[1:]), 2)


def glass(picture: np.ndarray, severity: int, repeats: int) -> dict[str, Any]:
    """Ours and both loops in turn, with the same random numbers."""
    forms: dict[str, Callable[..., np.ndarray]] = {"loop": drawing_loop, "loop, drawn": moving_loop, "ours": ours}
    found = {name: form(picture, severity) for name, form in forms.items()}
    times: dict[str, list[float]] = {name: [] for name in forms}
    for _ in range(max(repeats, 2)):
        for name, form in forms.items():
            start = perf_counter()
            form(picture, severity)
            times[name].append(perf_counter() - start)
    equal = all(np.array_equal(found["ours"], made) for made in found.values())
    rows = {name: paired_ratios({name: times[name], "ours": times["ours"]}, name)["ours"] for name in list(forms)[:2]}
    ms = {name: round(1e3 * median(values), 2) for name, values in times.items()}
    times_of = {name: {key: row[key] for key in ("times", "times_spread")} for name, row in rows.items()}
    return {"glass_blur": severity, "ms": ms, "against": times_of, "equal": equal}


def ours(picture: np.ndarray, severity: int) -> np.ndarray:
    """8-bit values of the library's."""
    return blur.glass_blur(picture, severity, np.random.RandomState(0)).astype(np.uint8)


def drawing_loop(picture: np.ndarray, severity: int) -> np.ndarray:
    """A displacement is drawn for each pixel in turn."""
    rng, (sigma, reach, rounds) = np.random.RandomState(0), blur.GLASS[severity - 1]
    x = (blurred(picture / 255.0, sigma) * 255).astype(np.uint8)
    for _ in range(rounds):
        for h in range(len(x) - reach, reach, -1):
            for w in range(len(x) - reach, reach, -1):
                right, down = rng.randint(-reach, reach, size=2)
                x[h, w] = x[h + down, w + right]
    return finished(x, sigma)


def moving_loop(picture: np.ndarray, severity: int) -> np.ndarray:
    """All displacements are there as lists, and so are the pixels."""
    rng, (sigma, reach, rounds) = np.random.RandomState(0), blur.GLASS[severity - 1]
    x = (blurred(picture / 255.0, sigma) * 255).astype(np.uint8)
    side = len(x)
    inside = range(side - reach, reach, -1)
    pixels = x.tolist()
    for _ in range(rounds):
        moves = iter(rng.randint(-reach, reach, size=(len(inside) ** 2, 2)).tolist())
        for h in inside:
            row = pixels[h]
            for w in inside:
                right, down = next(moves)
                row[w] = pixels[h + down][w + right]
    return finished(np.array(pixels, np.uint8), sigma)


def finished(x: np.ndarray, sigma: float) -> np.ndarray:
    """The second blur, in 8 bits."""
    return (np.clip(blurred(x / 255.0, sigma), 0, 1) * 255).astype(np.uint8)


def blurred(values: np.ndarray, sigma: float) -> np.ndarray:
    """A Gaussian over rows and columns."""
    return gaussian_filter(values, (sigma, sigma, 0), mode="nearest", truncate=4.0)


if __name__ == "__main__":
    main()
