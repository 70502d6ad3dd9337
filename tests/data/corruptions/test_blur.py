"""Blurs, against loops."""

import numpy as np
import pytest
from scipy import ndimage

from covpool.data.corruptions import blur
from data.corruptions import loops
from data.corruptions.pictures import scene


def rng():
    return np.random.RandomState(7)


@pytest.mark.parametrize("severity", [1, 3, 5])
def test_gaussian_blur_is_the_separable_loop(severity):
    pixels = scene(30, 25)
    expected = loops.gaussian(pixels / 255, blur.GAUSSIAN_SIGMA[severity - 1]) * 255
    assert np.allclose(blur.gaussian_blur(pixels, severity, rng()), expected)


@pytest.mark.parametrize("severity", [1, 2, 3, 4, 5])
@pytest.mark.parametrize("shape", [(26, 26), (19, 33), (8, 9)])
def test_glass_blur_is_the_loop_over_pixels_with_the_same_random_numbers(severity, shape):
    pixels = scene(*shape)
    expected = loops.glass(pixels, *blur.GLASS[severity - 1], rng())
    assert np.allclose(blur.glass_blur(pixels, severity, rng()), expected, atol=1e-9)


@pytest.mark.parametrize("severity", [1, 5])
def test_defocus_is_the_mean_over_a_disk(severity):
    pixels = scene(24, 22)
    radius, rim = blur.DEFOCUS[severity - 1]
    expected = loops.disk_mean(pixels, radius)
    difference = np.abs(blur.defocus_blur(pixels, severity, rng()) - expected)
    assert difference.max() < (1e-9 if rim == 0.1 else 6)  # a soft rim moves a little of the weight outwards


def test_the_weights_of_the_disk_sum_to_one_and_its_rim_is_soft():
    for radius, rim in blur.DEFOCUS:
        kernel = blur._disk(radius, rim)
        assert np.isclose(kernel.sum(), 1)
        assert np.allclose(kernel, kernel.T)
        assert (len(np.unique(kernel.round(12))) > 2) == (rim > 0.1)


def test_motion_blur_turns_by_45_degrees_at_most_and_keeps_a_flat_picture():
    flat = np.full((20, 20, 3), 77, np.uint8)
    assert (blur.motion_blur(flat, 5, rng()) == 77).all()
    stripes = np.zeros((40, 40, 3), np.uint8)
    stripes[20] = 255  # a horizontal line: motion along it would leave it alone
    dims = [blur.motion_blur(stripes, 3, np.random.RandomState(seed)).max() for seed in range(20)]
    assert min(dims) < 60 < max(dims)


@pytest.mark.parametrize("severity", [1, 5])
def test_zoom_blur_is_the_mean_of_enlargements(severity):
    pixels = scene(32, 32)
    end, step = blur.ZOOM[severity - 1]
    factors = np.arange(1, end, step)
    total = pixels.astype(float)
    for factor in factors:
        kept = int(np.ceil(32 / factor))
        first = (32 - kept) // 2
        middle = pixels[first : first + kept, first : first + kept].astype(float)
        large = ndimage.zoom(middle, (factor, factor, 1), order=1, mode="nearest")
        cut = (len(large) - 32) // 2
        total += large[cut : cut + 32, cut : cut + 32]
    assert np.allclose(blur.zoom_blur(pixels, severity, rng()), total / (len(factors) + 1), atol=1e-3)


def test_the_numbers_of_enlargements_are_those_of_the_release():
    """As numpy counts them: 1.11 and 1.16 are included by rounding, 1.26 is not."""
    assert [len(np.arange(1, end, step)) for end, step in blur.ZOOM] == [12, 16, 11, 13, 11]
