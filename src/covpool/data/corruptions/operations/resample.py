"""Reading a picture between its pixels, by linear interpolation."""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy.fft import dctn, idctn


def enlarged(values: np.ndarray, factor: float) -> np.ndarray:
    """The middle 1 / ``factor`` of a picture at the size of the whole picture.

    The middle is cut to whole pixels, its first and last pixels stay first and last (``scipy.ndimage.zoom`` with
    order 1), and what is too much is cut off evenly.

    Shape: values (H, W) or (H, W, C) -> the same.
    """
    for axis, length in enumerate(values.shape[:2]):
        low, high, part = _between(length, factor)
        part = part.astype(values.dtype).reshape(-1, *(1,) * (values.ndim - 1 - axis))
        first = values.take(low, axis)
        values = first + part * (values.take(high, axis) - first)
    return values


def _between(length: int, factor: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """For each new pixel of an axis: the two old ones it lies between, and how far from the first."""
    kept = int(np.ceil(length / factor))
    size = round(kept * factor)
    first, surplus = (length - kept) // 2, (size - length) // 2
    place = (surplus + np.arange(length)) * ((kept - 1) / max(size - 1, 1))
    low = np.minimum(np.floor(place).astype(int), kept - 1)
    return first + low, first + np.minimum(low + 1, kept - 1), place - low


def sampled(values: np.ndarray, y: np.ndarray, x: np.ndarray, *, repeats_edge: bool) -> np.ndarray:
    """``values`` (H, W, C) at the places ``y``, ``x`` (h, w): (h, w, C); beyond the border the picture is mirrored.

    Args:
        repeats_edge: whether the border pixel comes twice (d c b a | a b c d) or once (d c b | a b c d).
    """
    low_y, low_x = np.floor(y), np.floor(x)
    part_y, part_x = (y - low_y)[..., None], (x - low_x)[..., None]
    height, width = values.shape[:2]
    top, bottom = (_folded(low_y.astype(int) + i, height, repeats_edge) * width for i in (0, 1))
    left, right = (_folded(low_x.astype(int) + i, width, repeats_edge) for i in (0, 1))
    pixels = values.reshape(height * width, -1)
    upper, lower = (
        pixels.take(row + left, 0) * (1 - part_x) + pixels.take(row + right, 0) * part_x for row in (top, bottom)
    )
    return upper * (1 - part_y) + lower * part_y


def _folded(index: np.ndarray, length: int, repeats_edge: bool) -> np.ndarray:
    if repeats_edge:
        index = index % (2 * length)
        return np.minimum(index, 2 * length - 1 - index)
    period = max(2 * (length - 1), 1)
    index = index % period
    return np.minimum(index, period - index)


def smoothed_field(field: np.ndarray, sigma: float, truncate: float) -> np.ndarray:
    """Gaussian smoothing of (H, W) with mirrored borders (d c b a | a b c d), however wide.

    Equal to ``scipy.ndimage.gaussian_filter(mode="reflect")``. Such borders make the filter a product of cosine
    transforms, so its cost does not grow with ``sigma``.
    """
    response = [_response(n, float(sigma), float(truncate)) for n in field.shape]
    return idctn(dctn(field) * np.outer(*response))


@cache
def _response(length: int, sigma: float, truncate: float) -> np.ndarray:
    """What the sampled Gaussian makes of each cosine of an axis."""
    radius = int(truncate * sigma + 0.5)
    away = np.arange(1, radius + 1)
    weights = np.exp(-0.5 * (away / sigma) ** 2)
    waves = np.cos(np.pi * np.arange(length)[:, None] * away / length)
    return (1 + 2 * waves @ weights) / (1 + 2 * weights.sum())
