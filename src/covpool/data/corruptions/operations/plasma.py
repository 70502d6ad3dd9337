"""Plasma: a rough landscape that repeats at its borders, by the diamond-square method."""

from __future__ import annotations

import numpy as np


def plasma(side: int, decay: float, rng: np.random.RandomState) -> np.ndarray:
    """Heights (side, side) from 0 to 1; ``side`` is a power of two.

    Each halving of the step puts the mean of four neighbours, moved by a random amount, into the middle of squares and
    then of diamonds. The amount is uniform in +-(100 / decay^level)^2: the square is what the released generator draws,
    so that a decay of 2 quarters the roughness at each level.
    Source: Fournier, Fussell and Carpenter 1982; decays of Hendrycks and Dietterich 2019.

    Example:
        >>> plasma(4, 2.0, np.random.RandomState(0)).round(1).shape
        (4, 4)
    """
    heights = np.zeros((side, side))
    step, amount = side, 100.0
    while step >= 2:
        half = step // 2

        def moved(four: np.ndarray, amount: float = amount) -> np.ndarray:
            return four / 4 + amount * rng.uniform(-amount, amount, four.shape)

        corners = heights[::step, ::step]
        down = corners + np.roll(corners, -1, axis=0)
        centres = heights[half::step, half::step] = moved(down + np.roll(down, -1, axis=1))
        across = corners + np.roll(corners, -1, axis=1)
        heights[::step, half::step] = moved(centres + np.roll(centres, 1, axis=0) + across)
        heights[half::step, ::step] = moved(centres + np.roll(centres, 1, axis=1) + down)
        step, amount = half, amount / decay
    heights -= heights.min()
    return heights / heights.max()


def side_for(height: int, width: int, least: int = 256) -> int:
    """The power of two that covers a picture; 256 at least, the released generator's for pictures of 224.

    Example:
        >>> side_for(224, 224), side_for(300, 200)
        (256, 512)
    """
    return 1 << (max(height, width, least) - 1).bit_length()
