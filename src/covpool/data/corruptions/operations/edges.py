"""Edges of a grey picture, by Canny's method."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

_SHALLOW, _STEEP = np.tan(np.pi / 8), np.tan(3 * np.pi / 8)


def edges(grey: np.ndarray, low: float, high: float) -> np.ndarray:
    """Where the slope of ``grey`` (H, W) has a crest: bool (H, W).

    Sobel slopes, |dx| + |dy| as their size; a crest is no lower than both neighbours across it. Crests above ``low``
    count where they hang together with one above ``high``. Source: Canny 1986.
    """
    values = grey.astype(np.int64)
    right, down = (ndimage.sobel(values, axis=axis, mode="nearest") for axis in (1, 0))
    slope = np.abs(right) + np.abs(down)
    crest = _crests(slope, right, down) & (slope > low)
    groups, count = ndimage.label(crest, structure=np.ones((3, 3)))
    holds = np.zeros(count + 1, bool)
    holds[groups[crest & (slope > high)]] = True
    return holds[groups] & crest


def _crests(slope: np.ndarray, right: np.ndarray, down: np.ndarray) -> np.ndarray:
    height, width = slope.shape
    around = np.pad(slope, 1)

    def beside(y: int, x: int) -> np.ndarray:
        return around[1 + y : 1 + y + height, 1 + x : 1 + x + width]

    flat = np.abs(down) <= _SHALLOW * np.abs(right)
    steep = np.abs(down) >= _STEEP * np.abs(right)
    falling = (right >= 0) == (down >= 0)
    across = (slope > beside(0, -1)) & (slope >= beside(0, 1))
    along = (slope > beside(-1, 0)) & (slope >= beside(1, 0))
    one_way = (slope > beside(-1, -1)) & (slope > beside(1, 1))
    other_way = (slope > beside(-1, 1)) & (slope > beside(1, -1))
    return np.where(flat, across, np.where(steep, along, np.where(falling, one_way, other_way)))
