"""The operations of AutoAugment as Assemble-ResNet's TensorFlow code computes them.

Pixels are uint8 (H, W, 3). They differ from Pillow's in three ways: whatever is computed in float is cut, not rounded;
``contrast`` blends with (number of pixels) / 256 and not with the mean grey; and geometric operations sample at whole
pixels, without the half-pixel centre. Source: preprocessing/autoaugment.py of clovaai/assembled-cnn.
"""

from __future__ import annotations

import math

import numpy as np
import torch

GREY = 128  # fills what comes in from outside
_LUMA = np.array([0.2989, 0.587, 0.114], dtype=np.float32)  # tf.image.rgb_to_grayscale


def blend(one: np.ndarray, other: np.ndarray, factor: float) -> np.ndarray:
    """one + factor (other - one), cut to 0..255 and to whole numbers; beyond 1 it moves away from ``one``."""
    if factor == 0.0:
        return one
    if factor == 1.0:
        return other
    first = one.astype(np.float32)
    return _cut(first + np.float32(factor) * (other.astype(np.float32) - first))


def color(pixels: np.ndarray, factor: float) -> np.ndarray:
    """0: grey, 1: unchanged."""
    return blend(_grey(pixels)[..., None].repeat(3, axis=2), pixels, factor)


def contrast(pixels: np.ndarray, factor: float) -> np.ndarray:
    """0: one constant grey, 1: unchanged. The grey is (number of pixels) / 256: 196 at 224 x 224."""
    height, width = pixels.shape[:2]
    return blend(np.full_like(pixels, min(height * width / 256, 255)), pixels, factor)


def brightness(pixels: np.ndarray, factor: float) -> np.ndarray:
    """0: black, 1: unchanged."""
    return blend(np.zeros_like(pixels), pixels, factor)


def sharpness(pixels: np.ndarray, factor: float) -> np.ndarray:
    """0: smoothed by [1 1 1; 1 5 1; 1 1 1] / 13 inside a border of one pixel, 1: unchanged."""
    smooth = pixels.copy()
    height, width = pixels.shape[:2]
    if height > 2 and width > 2:
        values = pixels.astype(np.float32)
        total = np.zeros((height - 2, width - 2, 3), dtype=np.float32)
        for row in range(3):
            for column in range(3):
                weight = np.float32((5 if row == column == 1 else 1) / 13)
                total += weight * values[row : row + height - 2, column : column + width - 2]
        smooth[1:-1, 1:-1] = _cut(total)
    return blend(smooth, pixels, factor)


def invert(pixels: np.ndarray) -> np.ndarray:
    """255 - x."""
    return 255 - pixels


def solarize(pixels: np.ndarray, threshold: int) -> np.ndarray:
    """Invert what is not below ``threshold``."""
    return np.where(pixels < threshold, pixels, 255 - pixels)


def solarize_add(pixels: np.ndarray, addition: int, threshold: int = 128) -> np.ndarray:
    """Add ``addition`` to what is below ``threshold``."""
    added = (pixels.astype(np.int64) + addition).clip(0, 255).astype(np.uint8)
    return np.where(pixels < threshold, added, pixels)


def posterize(pixels: np.ndarray, bits: int) -> np.ndarray:
    """Keep the highest ``bits`` bits; 0 keeps one, as TensorFlow's shifts on the CPU do."""
    shift = min(8 - bits, 7)
    return (pixels >> shift) << shift


def autocontrast(pixels: np.ndarray) -> np.ndarray:
    """Each channel stretched from its least and largest value to 0..255."""
    values = pixels.astype(np.float32)
    low, high = values.min(axis=(0, 1)), values.max(axis=(0, 1))
    flat = high <= low
    scale = np.float32(255) / np.where(flat, np.float32(1), high - low)
    return np.where(flat, pixels, _cut(values * scale + -low * scale))


def equalize(pixels: np.ndarray) -> np.ndarray:
    """Each channel so that its values are spread evenly; equal to Pillow's."""
    return np.stack([_equalized(pixels[..., channel]) for channel in range(3)], axis=2)


def rotate(pixels: np.ndarray, degrees: float) -> np.ndarray:
    """Turned counter-clockwise about the centre."""
    angle = degrees * math.pi / 180
    sin, cos = math.sin(angle), math.cos(angle)
    bottom, right = pixels.shape[0] - 1, pixels.shape[1] - 1
    left = (right - (cos * right - sin * bottom)) / 2
    top = (bottom - (sin * right + cos * bottom)) / 2
    return _sampled(pixels, (cos, -sin, left), (sin, cos, top))


def shear_x(pixels: np.ndarray, level: float) -> np.ndarray:
    """Row y shows what was at x + level y."""
    return _sampled(pixels, (1.0, level, 0.0), (0.0, 1.0, 0.0))


def shear_y(pixels: np.ndarray, level: float) -> np.ndarray:
    """Column x shows what was at y + level x."""
    return _sampled(pixels, (1.0, 0.0, 0.0), (level, 1.0, 0.0))


def translate_x(pixels: np.ndarray, distance: float) -> np.ndarray:
    """Moved to the left by ``distance`` pixels."""
    return _sampled(pixels, (1.0, 0.0, distance), (0.0, 1.0, 0.0))


def translate_y(pixels: np.ndarray, distance: float) -> np.ndarray:
    """Moved up by ``distance`` pixels."""
    return _sampled(pixels, (1.0, 0.0, 0.0), (0.0, 1.0, distance))


def cutout(pixels: np.ndarray, reach: int) -> np.ndarray:
    """A grey square from -reach to reach about a random place, as far as it is inside."""
    height, width = pixels.shape[:2]
    y, x = (int(torch.randint(bound, ()).item()) for bound in (height, width))
    covered = pixels.copy()
    covered[max(0, y - reach) : y + reach, max(0, x - reach) : x + reach] = GREY
    return covered


def _cut(values: np.ndarray) -> np.ndarray:
    return values.clip(0, 255).astype(np.uint8)


def _grey(pixels: np.ndarray) -> np.ndarray:
    shares = pixels.astype(np.float32) * np.float32(1 / 255)
    return _cut((shares @ _LUMA) * np.float32(255.5))  # convert_image_dtype: 255.5 and cut


def _equalized(channel: np.ndarray) -> np.ndarray:
    counts = np.bincount(channel.ravel(), minlength=256)
    step = (counts.sum() - counts[counts > 0][-1]) // 255
    if step == 0:
        return channel
    table = (np.cumsum(counts) + step // 2) // step
    return np.concatenate([[0], table[:-1]]).clip(0, 255).astype(np.uint8)[channel]


def _sampled(pixels: np.ndarray, to_x: tuple[float, ...], to_y: tuple[float, ...]) -> np.ndarray:
    """Result (x, y) is the pixel nearest to (to_x . (x, y, 1), to_y . (x, y, 1)); grey outside."""
    height, width = pixels.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    columns, rows = (_nearest(np.float32(a) * x + np.float32(b) * y + np.float32(c)) for a, b, c in (to_x, to_y))
    inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height)
    found = pixels[rows.clip(0, height - 1), columns.clip(0, width - 1)]
    return np.where(inside[..., None], found, np.uint8(GREY))


def _nearest(places: np.ndarray) -> np.ndarray:
    """Halves go away from zero, as C's round()."""
    return (np.sign(places) * np.floor(np.abs(places) + np.float32(0.5))).astype(np.int64)
