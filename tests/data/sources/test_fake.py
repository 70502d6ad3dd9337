import numpy as np
import pytest

from covpool.data import BadSource, open_images


def test_noise_is_a_function_of_seed_split_and_position():
    one, two = (open_images("fake:classes=5,size=9,train=7,val=3,seed=4") for _ in range(2))
    assert one.train.read(3).size == (9, 9)
    assert np.array_equal(one.train.read(3), two.train.read(3))
    assert not np.array_equal(one.train.read(2), one.val.read(2))
    other = open_images("fake:classes=5,size=9,train=7,val=3,seed=5")
    assert not np.array_equal(one.train.read(3), other.train.read(3))
    assert one.train.labels.tolist() == [0, 1, 2, 3, 4, 0, 1]


def test_the_default_is_a_named_set_and_planes_are_the_pictures():
    source = open_images("fake")
    assert (len(source.classes), len(source.train), len(source.val)) == (10, 200, 100)
    planes = source.val.planes(np.array([4, 2]))
    assert np.array_equal(planes[0].transpose(1, 2, 0), source.val.read(4))


def test_mistakes_are_found_all_at_once():
    with pytest.raises(BadSource, match="2 mistakes") as caught:
        open_images("fake:clases=5,size=0")
    assert "did you mean 'classes'?" in str(caught.value)
    assert "at least 1; got 0" in str(caught.value)
