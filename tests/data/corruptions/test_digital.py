"""Brightness, contrast, elastic, pixels, JPEG, colour: against loops and Pillow."""

from io import BytesIO

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from covpool.data.corruptions import digital
from data.corruptions import loops
from data.corruptions.pictures import scene

RNG = np.random.RandomState


@pytest.mark.parametrize("severity", [1, 3, 5])
def test_brightness_raises_the_value_of_every_pixel(severity):
    pixels = scene(14, 12)
    plus = digital.BRIGHTNESS[severity - 1]
    expected = loops.by_hsv(pixels, lambda h, s, v: (h, s, min(v + plus, 1)))
    assert np.allclose(digital.brightness(pixels, severity, RNG(0)), expected)


@pytest.mark.parametrize("severity", [1, 2, 3, 4, 5])
def test_saturate_changes_the_saturation_of_every_pixel(severity):
    pixels = scene(14, 12)
    pixels[0, 0], pixels[0, 1] = 0, 255
    times, plus = digital.SATURATE[severity - 1]
    expected = loops.by_hsv(pixels, lambda h, s, v: (h, min(max(s * times + plus, 0), 1), v))
    assert np.allclose(digital.saturate(pixels, severity, RNG(0)), expected)


def test_contrast_keeps_the_mean_of_each_channel_and_shrinks_the_deviations():
    pixels = scene()
    for severity, share in enumerate(digital.CONTRAST, start=1):
        values = digital.contrast(pixels, severity, RNG(0))
        assert np.allclose(values.mean(axis=(0, 1)), pixels.mean(axis=(0, 1)))
        assert np.allclose(values.std(axis=(0, 1)), share * pixels.std(axis=(0, 1)))


@pytest.mark.parametrize("shape", [(32, 32), (31, 40)])
def test_pixelate_averages_boxes(shape):
    pixels = scene(*shape)
    for severity, share in enumerate(digital.PIXELATE, start=1):
        found = digital.pixelate(pixels, severity, RNG(0))
        assert found.shape == pixels.shape
        blocks = int(shape[0] * share) * int(shape[1] * share)
        assert len(np.unique(found.reshape(-1, 3), axis=0)) <= blocks * 4  # a box that straddles two shows a mixture


def test_jpeg_is_that_of_pillow_and_optimizing_changes_no_pixel():
    pixels = scene()
    for severity, quality in enumerate(digital.JPEG_QUALITY, start=1):
        file = BytesIO()
        Image.fromarray(pixels).save(file, "JPEG", quality=quality)
        assert np.array_equal(digital.jpeg_compression(pixels, severity, RNG(0)), np.asarray(Image.open(file)))
    small = np.asarray(Image.open(BytesIO(digital.jpeg_bytes(pixels, 85, optimize=True))))
    assert np.array_equal(small, digital.through_jpeg(pixels, 85))


@pytest.mark.parametrize("severity", [1, 2, 4])
@pytest.mark.parametrize("shape", [(28, 28), (24, 35)])
def test_elastic_is_an_affine_map_and_a_displacement(severity, shape):
    pixels = scene(*shape)
    height, width = shape
    size, smoothness, reach = (244 * part for part in digital.ELASTIC[severity - 1])
    rng = RNG(3)
    side = min(shape) // 3
    before = np.array([width // 2, height // 2]) + side * np.array([[1, 1], [1, -1], [-1, -1]])
    after = before + rng.uniform(-reach, reach, size=(3, 2))
    forward = np.linalg.solve(np.c_[before, np.ones(3)], after)  # (x, y, 1) @ forward
    linear, offset = forward[:2].T[::-1, ::-1], forward[2][::-1]  # in (y, x)
    back = np.linalg.inv(linear)
    right, down = (
        ndimage.gaussian_filter(rng.uniform(-1, 1, size=shape), smoothness, mode="reflect", truncate=3) * size
        for _ in range(2)
    )
    y, x = np.mgrid[:height, :width]
    expected = np.zeros(pixels.shape)
    for channel in range(3):
        plane = ndimage.affine_transform(
            pixels[..., channel].astype(float), back, -back @ offset, order=1, mode="mirror"
        )
        expected[..., channel] = ndimage.map_coordinates(plane, [y + down, x + right], order=1, mode="reflect")
    assert np.allclose(digital.elastic_transform(pixels, severity, RNG(3)), expected, atol=1e-6)
