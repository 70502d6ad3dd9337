"""Weather: snow, frost, fog, spatter."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from covpool.data.corruptions.operations.edges import edges
from covpool.data.corruptions.operations.ice import ice
from covpool.data.corruptions.operations.motion import moved
from covpool.data.corruptions.operations.plasma import plasma, side_for
from covpool.data.corruptions.operations.resample import enlarged

FOG = ((1.5, 2), (2, 2), (2.5, 1.7), (2.5, 1.5), (3, 1.4))  # thickness, decay of the plasma
FROST = ((1, 0.4), (0.8, 0.6), (0.7, 0.7), (0.65, 0.7), (0.6, 0.75))  # share of the picture, of the frost
# mean and scale of the flakes, their size, threshold, radius and sigma of their fall, share of the picture
SNOW = (
    (0.1, 0.3, 3, 0.5, 10, 4, 0.8),
    (0.2, 0.3, 2, 0.5, 12, 4, 0.7),
    (0.55, 0.3, 4, 0.9, 12, 8, 0.7),
    (0.55, 0.3, 4.5, 0.85, 12, 8, 0.65),
    (0.55, 0.3, 2.5, 0.85, 12, 12, 0.55),
)
# mean, scale and smoothness of the liquid, threshold, strength (water) or smoothness (mud)
WATER = ((0.65, 0.3, 4, 0.69, 0.6), (0.65, 0.3, 3, 0.68, 0.6), (0.65, 0.3, 2, 0.68, 0.5))
MUD = ((0.65, 0.3, 1, 0.65, 1.5), (0.67, 0.4, 1, 0.65, 1.5))
_WATER_COLOUR = np.array([175, 238, 238]) / 255  # pale turquoise
_MUD_COLOUR = np.array([63, 42, 20]) / 255
_RELIEF = np.array([[-2, -1, 0], [-1, 1, 1], [0, 1, 2]])  # light from the lower right
_LUMA = np.array([0.299, 0.587, 0.114])  # of ITU-R BT.601


def fog(pixels: np.ndarray, severity: int, rng: np.random.RandomState) -> np.ndarray:
    """Plasma of light over the picture, which keeps its largest value."""
    thickness, decay = FOG[severity - 1]
    values = pixels / 255.0
    height, width = pixels.shape[:2]
    top = values.max()
    mist = plasma(side_for(height, width), decay, rng)[:height, :width, None]
    return np.clip((values + thickness * mist) * top / (top + thickness), 0, 1) * 255


def frost(pixels: np.ndarray, severity: int, rng: np.random.RandomState) -> np.ndarray:
    """Ice on a window. The released generator lays photographs of frost over the picture; ours are grown (``ice``)."""
    share, strength = FROST[severity - 1]
    height, width = pixels.shape[:2]
    return np.clip(share * pixels + strength * ice(height, width, rng), 0, 255)


def snow(pixels: np.ndarray, severity: int, rng: np.random.RandomState) -> np.ndarray:
    """The picture whitens and two layers of flakes fall, one the other upside down."""
    mean, scale, size, threshold, radius, sigma, share = SNOW[severity - 1]
    values = pixels / 255.0
    flakes = enlarged(rng.normal(size=pixels.shape[:2], loc=mean, scale=scale), size)
    flakes = np.floor(np.clip(np.where(flakes < threshold, 0, flakes), 0, 1) * 255)
    fallen = np.rint(moved(flakes, radius, sigma, rng.uniform(-135, -45)))[..., None] / 255
    grey = (values @ _LUMA)[..., None]
    whitened = share * values + (1 - share) * np.maximum(values, grey * 1.5 + 0.5)
    return np.clip(whitened + fallen + np.rot90(fallen, k=2), 0, 1) * 255


def spatter(pixels: np.ndarray, severity: int, rng: np.random.RandomState) -> np.ndarray:
    """Drops on the lens: water up to severity 3, mud above."""
    if severity <= len(WATER):
        return _water(pixels / 255.0, WATER[severity - 1], rng)
    return _mud(pixels / 255.0, MUD[severity - 1 - len(WATER)], rng)


def _liquid(values: np.ndarray, given: tuple[float, ...], rng: np.random.RandomState) -> np.ndarray:
    mean, scale, smoothness, *_ = given
    drops = rng.normal(size=values.shape[:2], loc=mean, scale=scale)
    return ndimage.gaussian_filter(drops, smoothness, mode="nearest", truncate=4.0)


def _water(values: np.ndarray, given: tuple[float, ...], rng: np.random.RandomState) -> np.ndarray:
    threshold, strength = given[3:]
    liquid = _liquid(values, given, rng)
    liquid = np.floor(np.clip(np.where(liquid < threshold, 0, liquid), 0, 1) * 255)
    lit = liquid * _relief(liquid.astype(np.uint8))
    shine = lit / max(lit.max(), 1) * strength
    return np.clip(values + shine[..., None] * _WATER_COLOUR, 0, 1) * 255


def _relief(liquid: np.ndarray) -> np.ndarray:
    """Light on drops, 0..255: the distance to their rims taken for a height (20 at most) and lit from one side.

    The distance is exact; the released program's is OpenCV's approximation by steps.
    """
    rims = edges(liquid, 50, 150)
    away = ndimage.distance_transform_edt(~rims) if rims.any() else np.full(liquid.shape, 20.0)
    height = ndimage.uniform_filter(np.minimum(away, 20), 3, mode="mirror").astype(np.uint8)
    lit = ndimage.correlate(_equalized(height).astype(np.int64), _RELIEF, mode="mirror")
    return np.rint(ndimage.uniform_filter(np.clip(lit, 0, 255).astype(np.float64), 3, mode="mirror"))


def _equalized(grey: np.ndarray) -> np.ndarray:
    """Every value by the share of pixels up to it: the histogram becomes flat."""
    below = np.cumsum(np.bincount(grey.ravel(), minlength=256))
    first = below[grey.min()]
    table = np.rint(np.clip((below - first) * (255 / max(grey.size - first, 1)), 0, 255))
    return table[grey]


def _mud(values: np.ndarray, given: tuple[float, ...], rng: np.random.RandomState) -> np.ndarray:
    threshold, softness = given[3:]
    liquid = _liquid(values, given, rng)
    cover = ndimage.gaussian_filter((liquid > threshold).astype(float), softness, mode="nearest", truncate=4.0)
    cover = np.where(cover < 0.8, 0, cover)[..., None]
    return np.clip(values * (1 - cover) + _MUD_COLOUR * cover, 0, 1) * 255
