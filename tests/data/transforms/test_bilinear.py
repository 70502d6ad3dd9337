import math
from pathlib import Path

import numpy as np
import pytest
import torch

from covpool.data.transforms.bilinear import resize_opencv, resize_tensorflow1, resize_tensorflow2

GOLDEN = Path(__file__).parents[2] / "golden" / "assembled" / "preprocessing"


def noise(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def naive(pixels, size, centre):
    """One result after the other, in float64."""
    height, width = pixels.shape[:2]
    result = np.zeros((*size, 3))
    for i in range(size[0]):
        for j in range(size[1]):
            y = max((i + centre) * height / size[0] - centre, 0)
            x = max((j + centre) * width / size[1] - centre, 0)
            top, left = math.floor(y), math.floor(x)
            bottom, right = min(top + 1, height - 1), min(left + 1, width - 1)
            p = pixels.astype(float)
            upper = p[top, left] * (1 - x + left) + p[top, right] * (x - left)
            lower = p[bottom, left] * (1 - x + left) + p[bottom, right] * (x - left)
            result[i, j] = upper * (1 - y + top) + lower * (y - top)
    return result


SIZES = [((7, 11), (3, 5)), ((5, 4), (9, 13)), ((1, 1), (3, 2)), ((6, 6), (6, 6)), ((2, 9), (4, 3))]


@pytest.mark.parametrize("name", ["imagenet_224_like_16_resized", "a_like_16_resized", "train_resize_24x24"])
def test_tensorflow_1_gives_the_numbers_of_the_release(name):
    with np.load(GOLDEN / "preprocess_eval.npz") as golden:
        expected = golden[name]
        assert np.array_equal(resize_tensorflow1(golden["image_hwc_uint8"], expected.shape[:2]), expected)


@pytest.mark.parametrize(("resize", "centre"), [(resize_tensorflow1, 0.0), (resize_tensorflow2, 0.5)])
@pytest.mark.parametrize(("before", "after"), SIZES)
def test_a_result_is_made_of_the_four_pixels_next_to_its_place(before, after, resize, centre):
    pixels = noise(*before)
    result = resize(pixels, after)
    assert result.dtype == np.float32
    assert np.allclose(result, naive(pixels, after, centre), atol=1e-3)


@pytest.mark.parametrize(("before", "after"), SIZES)
def test_tensorflow_2_is_torch_without_antialiasing(before, after):
    pixels = torch.from_numpy(noise(*before)).permute(2, 0, 1)[None].float()
    expected = torch.nn.functional.interpolate(pixels, after, mode="bilinear", align_corners=False, antialias=False)
    result = resize_tensorflow2(noise(*before), after)
    assert np.allclose(result, expected[0].permute(1, 2, 0).numpy(), atol=1e-3)


@pytest.mark.parametrize(("before", "after"), SIZES)
def test_opencv_rounds_the_same_to_whole_numbers(before, after):
    pixels = noise(*before)
    result = resize_opencv(pixels, after)
    assert result.dtype == np.uint8
    assert np.abs(result - naive(pixels, after, 0.5)).max() <= 1


@pytest.mark.parametrize("resize", [resize_tensorflow1, resize_tensorflow2, resize_opencv])
def test_a_window_is_that_part_of_the_whole(resize):
    pixels = noise(40, 53)
    whole = resize(pixels, (31, 17))
    assert np.array_equal(resize(pixels, (31, 17), (4, 3, 20, 9)), whole[4:24, 3:12])
    assert np.array_equal(resize(pixels, (40, 53)), pixels)
