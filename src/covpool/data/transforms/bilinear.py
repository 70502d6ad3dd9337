"""Bilinear resizing as other frameworks do it: from four pixels and without anti-aliasing.

Pillow and torchvision average over every pixel that falls into a result; TensorFlow, MindSpore and OpenCV look at
the four nearest only, and TensorFlow 1 measures from the corner of a pixel. On noise the results differ by up to
150 grey levels. All functions take pixels (H, W, C), the size of the whole result, and the ``window`` (top, left,
height, width) of it that is wanted, so that a long strip costs no more than what is seen of it.
"""

from __future__ import annotations

import numpy as np

Size = tuple[int, int]
Window = tuple[int, int, int, int]
_UNIT = 2048  # OpenCV's fixed-point weights have 11 bits


def resize_tensorflow1(pixels: np.ndarray, size: Size, window: Window | None = None) -> np.ndarray:
    """Result i looks at i * in/out, the legacy kernel of ``tf.image.resize_images``; float32.

    Example:
        >>> ramp = np.arange(4, dtype=np.uint8).reshape(1, 4, 1)
        >>> resize_tensorflow1(ramp, (1, 2)).ravel().tolist()
        [0.0, 2.0]
    """
    return _interpolate(pixels, size, window, centre=0.0)


def resize_tensorflow2(pixels: np.ndarray, size: Size, window: Window | None = None) -> np.ndarray:
    """Result i looks at (i + 1/2) * in/out - 1/2, as ``tf.image.resize`` without anti-aliasing; float32.

    Example:
        >>> ramp = np.arange(4, dtype=np.uint8).reshape(1, 4, 1)
        >>> resize_tensorflow2(ramp, (1, 2)).ravel().tolist()
        [0.5, 2.5]
    """
    return _interpolate(pixels, size, window, centre=0.5)


def resize_opencv(pixels: np.ndarray, size: Size, window: Window | None = None) -> np.ndarray:
    """As ``resize_tensorflow2`` in the whole numbers of OpenCV's INTER_LINEAR, which MindSpore calls; uint8.

    Example:
        >>> ramp = np.arange(4, dtype=np.uint8).reshape(1, 4, 1)
        >>> resize_opencv(ramp, (1, 2)).ravel().tolist()
        [1, 3]
    """
    if pixels.shape[:2] == size:
        top, left, height, width = window or (0, 0, *size)
        return pixels[top : top + height, left : left + width]
    rows, columns = _split(window, size)
    low_y, high_y, y = _fixed(pixels.shape[0], size[0], rows)
    low_x, high_x, x = _fixed(pixels.shape[1], size[1], columns)
    x = x[None, :, None]

    def across(lines: np.ndarray) -> np.ndarray:
        kept = pixels[lines]
        return kept[:, low_x].astype(np.int64) * (_UNIT - x) + kept[:, high_x].astype(np.int64) * x

    y = y[:, None, None]
    upper = ((_UNIT - y) * (across(low_y) >> 4)) >> 16
    lower = (y * (across(high_y) >> 4)) >> 16
    return ((upper + lower + 2) >> 2).astype(np.uint8)


def _interpolate(pixels: np.ndarray, size: Size, window: Window | None, centre: float) -> np.ndarray:
    rows, columns = _split(window, size)
    low_y, high_y, y = _taps(pixels.shape[0], size[0], rows, centre)
    low_x, high_x, x = _taps(pixels.shape[1], size[1], columns, centre)
    x, y = x[None, :, None], y[:, None, None]
    upper, lower = pixels[low_y], pixels[high_y]
    top = _mix(upper[:, low_x], upper[:, high_x], x)
    return _mix(top, _mix(lower[:, low_x], lower[:, high_x], x), y)


def _mix(one: np.ndarray, other: np.ndarray, share: np.ndarray) -> np.ndarray:
    one = one.astype(np.float32)
    return one + (other.astype(np.float32) - one) * share


def _split(window: Window | None, size: Size) -> tuple[np.ndarray, np.ndarray]:
    top, left, height, width = window or (0, 0, *size)
    return np.arange(top, top + height), np.arange(left, left + width)


def _taps(length: int, result: int, wanted: np.ndarray, centre: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The two pixels next to each wanted place, and the share of the second; float32 throughout, as the kernels."""
    half = np.float32(centre)
    scale = np.float32(length) / np.float32(result)
    place = (wanted.astype(np.float32) + half) * scale - half
    floor = np.floor(place)
    low = np.maximum(floor, 0).astype(np.int64)
    high = np.minimum(floor + 1, length - 1).astype(np.int64)
    return low, high, (place - floor).astype(np.float32)


def _fixed(length: int, result: int, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """As ``_taps``, the share in whole numbers of 1/2048; beyond an edge both pixels are that of the edge."""
    place = ((wanted + 0.5) * (length / result) - 0.5).astype(np.float32)
    floor = np.floor(place)
    low = floor.astype(np.int64)
    share = np.rint((place - floor) * _UNIT).astype(np.int64)
    return low.clip(0, length - 1), (low + 1).clip(0, length - 1), share
