"""Motion blur, against values that ImageMagick wrote and against a loop."""

import numpy as np

from covpool.data.corruptions.operations.motion import moved
from golden_files import GOLDEN


def test_it_is_the_motion_blur_of_imagemagick():
    with np.load(GOLDEN / "corruptions" / "motion_blur.npz") as golden:
        for (radius, sigma, angle), blurred in zip(golden["cases"], golden["blurred"], strict=True):
            assert np.array_equal(np.rint(moved(golden["picture"], int(radius), sigma, angle)), blurred)


def test_it_is_a_weighted_mean_along_a_line():
    values = np.random.RandomState(0).rand(5, 7)
    weights = np.exp(-(np.arange(5) ** 2) / (2 * 1.5**2))
    for y in range(5):
        for x in range(7):
            along = [values[y, min(x + i, 6)] for i in range(5)]
            assert np.isclose(moved(values, 2, 1.5, 0.0)[y, x], np.average(along, weights=weights))


def test_a_flat_picture_stays():
    assert np.allclose(moved(np.full((6, 9, 3), 7.0), 4, 2.0, 33.0), 7)
