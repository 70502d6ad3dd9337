"""Blur: defocus, glass, motion, zoom, gaussian."""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy import ndimage
from scipy.signal import fftconvolve

from covpool.data.corruptions.operations.motion import moved
from covpool.data.corruptions.operations.resample import enlarged
from covpool.data.corruptions.operations.shuffle import copied, visited

GAUSSIAN_SIGMA = (1, 2, 3, 4, 6)
GLASS = ((0.7, 1, 2), (0.9, 2, 1), (1, 2, 3), (1.1, 3, 2), (1.5, 4, 2))  # sigma, reach in pixels, rounds
DEFOCUS = ((3, 0.1), (4, 0.5), (6, 0.5), (8, 0.5), (10, 0.5))  # radius of the disk, sigma that softens its rim
MOTION = ((10, 3), (15, 5), (15, 8), (15, 12), (20, 15))  # radius, sigma
ZOOM = ((1.11, 0.01), (1.16, 0.01), (1.21, 0.02), (1.26, 0.02), (1.31, 0.03))  # up to below, in steps of


def gaussian_blur(pixels: np.ndarray, severity: int, rng: np.random.RandomState) -> np.ndarray:
    """A Gaussian over each channel."""
    return _smoothed(pixels / 255.0, GAUSSIAN_SIGMA[severity - 1]) * 255


def glass_blur(pixels: np.ndarray, severity: int, rng: np.random.RandomState) -> np.ndarray:
    """Frosted glass: blurred, then pixels take the place of neighbours, then blurred again.

    One after the other, from bottom right to top left, a pixel is replaced by one that lies up to ``reach`` pixels away
    in each direction, and later ones take over what has changed by then. The paper speaks of shuffling; the released
    program means to exchange two pixels, but its exchange of numpy views copies, and so the released pictures have
    copies, and ours. ``operations.shuffle.swapped`` gives the exchanges.
    """
    sigma, reach, rounds = GLASS[severity - 1]
    softened = (_smoothed(pixels / 255.0, sigma) * 255).astype(np.uint8)
    height, width = pixels.shape[:2]
    target = visited(height, width, reach)
    places = softened.reshape(-1, 3)
    for _ in range(rounds):
        right, down = np.moveaxis(rng.randint(-reach, reach, size=(*target.shape, 2)), -1, 0)
        source = target + down * width + right
        places = places[copied(height, width, target.ravel(), source.ravel())]
    return np.clip(_smoothed(places.reshape(pixels.shape) / 255.0, sigma), 0, 1) * 255


def defocus_blur(pixels: np.ndarray, severity: int, rng: np.random.RandomState) -> np.ndarray:
    """Out of focus: the mean over a disk."""
    kernel = _disk(*DEFOCUS[severity - 1])
    edge = len(kernel) // 2
    values = _mirrored(pixels / 255.0, edge)
    return np.clip(fftconvolve(values, kernel[..., None], mode="valid", axes=(0, 1)), 0, 1) * 255


def motion_blur(pixels: np.ndarray, severity: int, rng: np.random.RandomState) -> np.ndarray:
    """The camera moves, at an angle of up to 45 degrees from the horizontal."""
    radius, sigma = MOTION[severity - 1]
    return np.rint(moved(pixels, radius, sigma, rng.uniform(-45, 45)))


def zoom_blur(pixels: np.ndarray, severity: int, rng: np.random.RandomState) -> np.ndarray:
    """The camera comes nearer: the mean of the picture, counted once more, and its enlargements."""
    end, step = ZOOM[severity - 1]
    values = (pixels / 255.0).astype(np.float32)
    factors = np.arange(1, end, step)
    total = values + sum(enlarged(values, factor) for factor in factors)
    return np.clip(total / (len(factors) + 1), 0, 1) * 255


def _smoothed(values: np.ndarray, sigma: float) -> np.ndarray:
    return ndimage.gaussian_filter(values, (sigma, sigma, 0), mode="nearest", truncate=4.0)


def _mirrored(values: np.ndarray, edge: int) -> np.ndarray:
    """With ``edge`` more pixels on each side: d c b | a b c d | c b a, as often as a small picture needs."""
    return np.pad(values, [(edge, edge), (edge, edge), (0, 0)], mode="reflect")


@cache
def _disk(radius: int, rim: float) -> np.ndarray:
    """A disk of equal weights whose rim is softened by a Gaussian of 3 (5 for a large disk) taps."""
    reach, taps = (8, 3) if radius <= 8 else (radius, 5)
    along = np.arange(-reach, reach + 1)
    disk = (along[:, None] ** 2 + along**2 <= radius**2).astype(np.float64)
    weights = np.exp(-0.5 * (np.arange(-(taps // 2), taps // 2 + 1) / rim) ** 2)
    weights /= weights.sum()
    for axis in (0, 1):
        disk = ndimage.correlate1d(disk, weights, axis=axis, mode="mirror")
    return disk / disk.sum()
