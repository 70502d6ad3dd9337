"""Digital: brightness, contrast, elastic, pixelate, JPEG, saturation."""

from __future__ import annotations

from io import BytesIO

import numpy as np
from PIL import Image

from covpool.data.corruptions.operations.resample import sampled, smoothed_field

BRIGHTNESS = (0.1, 0.2, 0.3, 0.4, 0.5)
CONTRAST = (0.4, 0.3, 0.2, 0.1, 0.05)
JPEG_QUALITY = (25, 18, 15, 10, 7)
PIXELATE = (0.6, 0.5, 0.4, 0.3, 0.25)
SATURATE = ((0.3, 0), (0.1, 0), (2, 0), (5, 0.1), (20, 0.2))  # saturation times, plus
# size of the displacements, their smoothness, reach of the random corners, in parts of 244 pixels: the released program
# says 244 where its pictures have 224
ELASTIC = ((2, 0.7, 0.1), (2, 0.08, 0.2), (0.05, 0.01, 0.02), (0.07, 0.01, 0.02), (0.12, 0.01, 0.02))
_ELASTIC_UNIT = 244


def brightness(pixels: np.ndarray, severity: int, rng: np.random.RandomState) -> np.ndarray:
    """More light: the value V of hue, saturation, value grows; hue and saturation stay."""
    values = pixels / 255.0
    top = values.max(axis=2, keepdims=True)
    brighter = np.minimum(top + BRIGHTNESS[severity - 1], 1)
    black = top == 0
    return np.where(black, brighter, values / np.where(black, 1, top) * brighter) * 255


def saturate(pixels: np.ndarray, severity: int, rng: np.random.RandomState) -> np.ndarray:
    """Less or more colour: the saturation of hue, saturation, value changes; a grey pixel counts as red."""
    times, plus = SATURATE[severity - 1]
    values = pixels / 255.0
    top = values.max(axis=2, keepdims=True)
    below = top - values  # V * S * (how far a channel is from the largest, 0..1)
    spread = below.max(axis=2, keepdims=True)
    grey, black = spread == 0, top == 0
    saturation = np.clip(spread / np.where(black, 1, top) * times + plus, 0, 1)
    part = np.where(grey, np.array([0.0, 1.0, 1.0]), below / np.where(grey, 1, spread))
    return np.clip(top * (1 - saturation * part), 0, 1) * 255


def contrast(pixels: np.ndarray, severity: int, rng: np.random.RandomState) -> np.ndarray:
    """Each channel comes nearer to its mean."""
    values = pixels / 255.0
    mean = values.mean(axis=(0, 1), keepdims=True)
    return np.clip((values - mean) * CONTRAST[severity - 1] + mean, 0, 1) * 255


def elastic_transform(pixels: np.ndarray, severity: int, rng: np.random.RandomState) -> np.ndarray:
    """Stretched: three points are moved at random and the plane with them, then each pixel a little, smoothly.

    The picture is interpolated at the exact places; the released program's first step rounds them to 1/32 of a pixel.
    """
    size, smoothness, reach = (part * _ELASTIC_UNIT for part in ELASTIC[severity - 1])
    height, width = pixels.shape[:2]
    middle, side = np.array([width // 2, height // 2]), min(height, width) // 3
    before = middle + side * np.array([[1, 1], [1, -1], [-1, -1]])
    after = before + rng.uniform(-reach, reach, size=(3, 2))
    x, y = np.meshgrid(np.arange(width), np.arange(height))
    back = np.linalg.solve(np.c_[after, np.ones(3)], before.astype(np.float64))  # (x, y, 1) @ back = where it was
    from_x, from_y = (x * back[0, i] + y * back[1, i] + back[2, i] for i in (0, 1))
    stretched = sampled(pixels / 255.0, from_y, from_x, repeats_edge=False)
    right, down = (
        smoothed_field(rng.uniform(-1, 1, size=(height, width)), smoothness, truncate=3) * size for _ in range(2)
    )
    return np.clip(sampled(stretched, y + down, x + right, repeats_edge=True), 0, 1) * 255


def pixelate(pixels: np.ndarray, severity: int, rng: np.random.RandomState) -> np.ndarray:
    """Fewer, larger pixels."""
    height, width = pixels.shape[:2]
    part = PIXELATE[severity - 1]
    small = Image.fromarray(pixels).resize((int(width * part), int(height * part)), Image.Resampling.BOX)
    return np.asarray(small.resize((width, height), Image.Resampling.BOX))


def jpeg_compression(pixels: np.ndarray, severity: int, rng: np.random.RandomState) -> np.ndarray:
    """Saved as a JPEG of low quality, by Pillow's encoder."""
    return through_jpeg(pixels, JPEG_QUALITY[severity - 1])


def through_jpeg(pixels: np.ndarray, quality: int) -> np.ndarray:
    """What is left of a picture after it was saved as JPEG."""
    return np.asarray(Image.open(BytesIO(jpeg_bytes(pixels, quality))))


def jpeg_bytes(pixels: np.ndarray, quality: int, *, optimize: bool = False) -> bytes:
    """A picture as the bytes of a JPEG file; ``optimize`` makes it smaller, not different."""
    file = BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=quality, optimize=optimize)
    return file.getvalue()
