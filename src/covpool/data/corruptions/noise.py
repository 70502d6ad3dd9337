"""Noise: gaussian, shot, impulse, speckle.

Every corruption of this folder takes ``pixels`` (uint8 (H, W, 3)), a severity of 1 to 5 and a source of random numbers,
and gives values in 0..255, which ``corrupt`` cuts to whole numbers. The tables hold the severities of the released
ImageNet-C (Hendrycks and Dietterich 2019, make_imagenet_c.py).
"""

from __future__ import annotations

import numpy as np

GAUSSIAN_SCALE = (0.08, 0.12, 0.18, 0.26, 0.38)
SHOT_PHOTONS = (60, 25, 12, 5, 3)
IMPULSE_SHARE = (0.03, 0.06, 0.09, 0.17, 0.27)
SPECKLE_SCALE = (0.15, 0.2, 0.35, 0.45, 0.6)


def gaussian_noise(pixels: np.ndarray, severity: int, rng: np.random.RandomState) -> np.ndarray:
    """Normal noise on every value, as in low light."""
    values = pixels / 255.0
    return _shown(values + rng.normal(size=values.shape, scale=GAUSSIAN_SCALE[severity - 1]))


def shot_noise(pixels: np.ndarray, severity: int, rng: np.random.RandomState) -> np.ndarray:
    """Photons are counted: Poisson noise with so many photons at white."""
    photons = SHOT_PHOTONS[severity - 1]
    return _shown(rng.poisson(pixels / 255.0 * photons) / photons)


def impulse_noise(pixels: np.ndarray, severity: int, rng: np.random.RandomState) -> np.ndarray:
    """Salt and pepper: a share of the values, each channel for itself, becomes 0 or 255 with equal chance."""
    hit = rng.random_sample(pixels.shape) <= IMPULSE_SHARE[severity - 1]
    salt = rng.random_sample(pixels.shape) <= 0.5
    return np.where(hit, np.where(salt, np.uint8(255), np.uint8(0)), pixels)


def speckle_noise(pixels: np.ndarray, severity: int, rng: np.random.RandomState) -> np.ndarray:
    """Normal noise in proportion to the value."""
    values = pixels / 255.0
    return _shown(values + values * rng.normal(size=values.shape, scale=SPECKLE_SCALE[severity - 1]))


def _shown(values: np.ndarray) -> np.ndarray:
    return np.clip(values, 0, 1) * 255
