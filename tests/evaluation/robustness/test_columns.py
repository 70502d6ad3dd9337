"""Class folders and the outputs they stand for."""

import pytest
from timm.data import ImageNetInfo

from covpool.evaluation.robustness.columns import columns_of, is_imagenet

SYNSETS = ImageNetInfo("imagenet-1k").label_names()


def test_names_of_the_network_come_first():
    assert columns_of(["b", "c"], ["a", "b", "c"], 3) == [1, 2]
    assert columns_of(["n01443537"], ["n01443537", "n01440764"], 2) == [0]


@pytest.mark.parametrize("background", [0, 1])
def test_synsets_and_numbers_find_their_columns_in_a_network_of_imagenet(background):
    some = [SYNSETS[i] for i in (3, 999, 0)]
    words = [f"word {i}" for i in range(1000 + background)]
    for classes in (None, words):
        assert columns_of(some, classes, 1000 + background) == [3 + background, 999 + background, background]
    assert columns_of(["0", "17", "999"], None, 1000 + background) == [background, 17 + background, 999 + background]


def test_as_many_folders_as_outputs_are_taken_in_order_where_nothing_is_known():
    assert columns_of(["cat", "dog"], None, 2) == [0, 1]


def test_other_folders_are_refused_with_the_nearest_name():
    with pytest.raises(ValueError, match=r"has 3 outputs and knows no class 'dgo'; did you mean 'dog'"):
        columns_of(["cat", "dgo"], ["cat", "dog", "owl"], 3)
    with pytest.raises(ValueError, match=r"and 4 more"):
        columns_of([f"x{i}" for i in range(9)], None, 1000)


def test_imagenet_is_known_by_its_thousand_synsets():
    assert is_imagenet(SYNSETS[::-1])
    assert not is_imagenet(SYNSETS[1:])
