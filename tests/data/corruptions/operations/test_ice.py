"""Drawn frost."""

import numpy as np
import pytest

from covpool.data.corruptions.operations.ice import ice


@pytest.mark.parametrize("shape", [(224, 224), (8, 300), (31, 33)])
def test_it_has_the_size_of_the_picture_and_is_light_and_bluish(shape):
    picture = ice(*shape, np.random.RandomState(0))
    assert picture.shape == (*shape, 3)
    assert picture.min() >= 0
    assert picture.max() <= 255
    assert picture[..., 2].mean() > picture[..., 0].mean()


def test_it_is_neither_empty_nor_full():
    for seed in range(5):
        picture = ice(128, 128, np.random.RandomState(seed))
        assert 60 < picture.mean() < 190
        assert picture.std() > 30
