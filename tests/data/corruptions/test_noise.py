"""Noise: its size is that of the table."""

import numpy as np
import pytest

from covpool.data.corruptions import noise

GREY = np.full((200, 200, 3), 100, np.uint8)


def rng():
    return np.random.RandomState(0)


@pytest.mark.parametrize("severity", [1, 2, 3])
def test_gaussian_noise_has_the_mean_and_the_scale_of_the_table(severity):
    values = noise.gaussian_noise(GREY, severity, rng()) / 255
    scale = noise.GAUSSIAN_SCALE[severity - 1]
    middle = values[(values > 0) & (values < 1)]
    assert abs(np.median(values) - 100 / 255) < 0.005
    low, high = np.quantile(middle, [0.3085, 0.6915])
    assert np.isclose((high - low) / scale, 1, atol=0.12)  # half a sigma to each side


def test_speckle_noise_grows_with_the_light():
    dark, light = (noise.speckle_noise(np.full_like(GREY, v), 1, rng()) for v in (40, 120))
    assert np.isclose(light.std() / dark.std(), 3, rtol=0.02)
    assert np.isclose(dark.std(), 40 * noise.SPECKLE_SCALE[0], rtol=0.02)


@pytest.mark.parametrize("severity", [1, 5])
def test_shot_noise_counts_photons(severity):
    photons = noise.SHOT_PHOTONS[severity - 1]
    light = 100 if severity == 1 else 20  # so dark that hardly a pixel is overexposed
    counts = noise.shot_noise(np.full_like(GREY, light), severity, rng()) / 255 * photons
    assert np.allclose(counts, np.rint(counts))
    assert np.isclose(counts.mean(), photons * light / 255, rtol=0.02)
    assert np.isclose(counts.var(), counts.mean(), rtol=0.1)


@pytest.mark.parametrize("severity", [1, 3, 5])
def test_impulse_noise_is_salt_and_pepper_in_equal_parts(severity):
    values = noise.impulse_noise(GREY, severity, rng())
    share = noise.IMPULSE_SHARE[severity - 1]
    assert set(np.unique(values)) == {0, 100, 255}
    assert np.isclose((values != 100).mean(), share, rtol=0.05)
    assert np.isclose((values == 255).mean(), share / 2, rtol=0.08)


def test_the_numbers_are_drawn_as_the_description_draws_them():
    """One call a corruption, in the order of the pixels: with numpy's legacy generator the released code's numbers."""
    pixels = np.random.RandomState(5).randint(0, 256, (6, 7, 3)).astype(np.uint8)
    by_hand, generator = np.zeros(pixels.shape), rng()
    for place in np.ndindex(pixels.shape):
        by_hand[place] = min(max(pixels[place] / 255 + generator.normal(scale=0.18), 0), 1) * 255
    assert np.allclose(noise.gaussian_noise(pixels, 3, rng()), by_hand)
