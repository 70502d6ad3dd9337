"""Motion: each pixel is a fading mean of those along a straight way, as ImageMagick's motion blur."""

from __future__ import annotations

import numpy as np


def moved(values: np.ndarray, radius: int, sigma: float, angle: float) -> np.ndarray:
    r"""Mean of ``2 radius + 1`` pixels from each pixel onwards, weighted by one half of a Gaussian.

    $\sum_i w_i\, x(p + \lceil i\,(\sin a, \cos a) - 1/2 \rceil)$ with $w_i \propto \exp(-i^2 / 2\sigma^2)$; beyond the
    border the nearest pixel counts. Rounded, it is what ``convert -motion-blur`` of ImageMagick 6.9.11 writes (tested).

    Shape: values (H, W) or (H, W, C) -> the same, in float64.

    Args:
        angle: degrees, clockwise from the right in the picture.

    Example:
        >>> moved(np.array([[0.0, 0.0, 1.0]]), 1, 100.0, 0.0).round(3).tolist()
        [[0.333, 0.667, 1.0]]
    """
    height, width = values.shape[:2]
    taps = 2 * radius + 1
    along = np.arange(taps)
    weights = np.exp(-(along**2) / (2 * sigma**2))
    weights /= weights.sum()
    down = np.ceil(along * np.sin(np.deg2rad(angle)) - 0.5).astype(int)
    right = np.ceil(along * np.cos(np.deg2rad(angle)) - 0.5).astype(int)
    edges = [(taps, taps), (taps, taps)] + [(0, 0)] * (values.ndim - 2)
    padded = np.pad(values.astype(np.float64), edges, mode="edge")
    total = np.zeros(values.shape)
    for weight, y, x in zip(weights, down + taps, right + taps, strict=True):
        total += weight * padded[y : y + height, x : x + width]
    return total
