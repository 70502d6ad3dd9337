"""Pictures of ice on a window, grown by random numbers."""

from __future__ import annotations

import numpy as np

from covpool.data.corruptions.operations.motion import moved
from covpool.data.corruptions.operations.plasma import plasma, side_for

_SEEDS = 0.012  # of the pixels start a needle, in each direction
_TINT = np.array([0.86, 0.95, 1.0])  # ice is bluish


def ice(height: int, width: int, rng: np.random.RandomState) -> np.ndarray:
    """A picture of frost, float (height, width, 3) in 0..255: a rough rind with holes, and needles 60 degrees apart.

    Hendrycks and Dietterich lay photographs of frost over their pictures. Those are not ours to ship, so here is a
    drawing with their look: numbers on it are not comparable with those on the released ``frost`` folders.
    """
    side = side_for(height, width)
    rough, rind = (plasma(side, decay, rng)[:height, :width] for decay in (1.3, 1.75))
    cover = np.clip(3 * (rind - np.quantile(rind, 0.1)), 0, 1)
    turn = rng.uniform(0, 60)
    needles = sum(_needles(height, width, turn + angle, rng) for angle in (0, 60, 120))
    light = 0.15 + cover * 0.9 * rough**1.5 + (0.3 + 0.5 * cover) * np.clip(needles, 0, 1)
    return 255 * np.clip(light[..., None] * _TINT, 0, 1)


def _needles(height: int, width: int, angle: float, rng: np.random.RandomState) -> np.ndarray:
    seeds = (rng.random_sample((height, width)) < _SEEDS) * rng.random_sample((height, width)) ** 2
    return 6 * (moved(seeds, 8, 7, angle) + moved(seeds, 8, 7, angle + 180))
