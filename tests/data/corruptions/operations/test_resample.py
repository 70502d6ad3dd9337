"""Interpolation and wide smoothing, against scipy.ndimage."""

import numpy as np
import pytest
from scipy import ndimage

from covpool.data.corruptions.operations.resample import enlarged, sampled, smoothed_field


@pytest.mark.parametrize("factor", [1.0, 1.01, 1.15, 1.3, 2.5, 3.0, 4.5])
@pytest.mark.parametrize("shape", [(32, 32, 3), (33, 32, 3), (32, 21)])
def test_the_middle_is_enlarged_as_scipy_does(factor, shape):
    values = np.random.RandomState(0).rand(*shape)
    height, width = shape[:2]
    rows, columns = (int(np.ceil(n / factor)) for n in (height, width))
    top, left = (height - rows) // 2, (width - columns) // 2
    middle = values[top : top + rows, left : left + columns]
    large = ndimage.zoom(middle, (factor, factor, 1)[: values.ndim], order=1, mode="nearest")
    y, x = (large.shape[0] - height) // 2, (large.shape[1] - width) // 2
    assert np.allclose(enlarged(values, factor), large[y : y + height, x : x + width], atol=1e-12)


@pytest.mark.parametrize(("repeats_edge", "mode"), [(True, "reflect"), (False, "mirror")])
def test_places_between_and_outside_are_read_as_scipy_does(repeats_edge, mode):
    rng = np.random.RandomState(0)
    values = rng.rand(9, 12, 3)
    y, x = rng.uniform(-30, 40, size=(2, 20, 15))
    found = sampled(values, y, x, repeats_edge=repeats_edge)
    for channel in range(3):
        expected = ndimage.map_coordinates(values[..., channel], [y, x], order=1, mode=mode)
        assert np.allclose(found[..., channel], expected, atol=1e-12)


@pytest.mark.parametrize("sigma", [0.7, 2.44, 19.52, 170.8])
def test_wide_smoothing_is_the_gaussian_filter(sigma):
    field = np.random.RandomState(0).uniform(-1, 1, (24, 31))
    expected = ndimage.gaussian_filter(field, sigma, mode="reflect", truncate=3)
    assert np.allclose(smoothed_field(field, sigma, truncate=3), expected, atol=1e-12)
