"""What a comparison refuses before it reads anything."""

import pytest

from covpool.recipes import Choice
from covpool.studies.request import CompareError, check_request, read_choices, wants_weights, weights_origin


def test_aliases_become_names_and_doubles_go():
    assert read_choices("mpncov,isqrt,gem(p=4)") == [Choice("isqrt"), Choice("gem", p=4)]
    assert read_choices([Choice("avg"), "isqrt(reduce_to=64)"])[1].options == {"reduce_to": 64}


def test_all_mistakes_in_pools_come_together():
    with pytest.raises(CompareError) as caught:
        read_choices("isqt,gem(q=2),isqrt(reduce_to=0)")
    assert len(caught.value.mistakes) == 3
    assert "did you mean 'isqrt'" in caught.value.mistakes[0]
    assert "has no option 'q'" in caught.value.mistakes[1]
    assert "reduce_to" in caught.value.mistakes[2]


def test_a_spelling_that_is_no_choice_is_one_sentence():
    with pytest.raises(CompareError, match="closing bracket"):
        read_choices("isqrt(steps=3")


def test_all_mistakes_in_the_rest_come_together():
    with pytest.raises(CompareError) as caught:
        check_request(["conv5", "resnet18"], 0, [], 0)
    assert len(caught.value.mistakes) == 4
    with pytest.raises(CompareError, match="at least one"):
        check_request([], 1, None, None)
    check_request(["conv4", "resnet18"], 1, ["last"], None)


def test_weights_are_wanted_where_some_are_published():
    assert wants_weights("resnet18", None)
    assert not wants_weights("conv4", None)
    assert not wants_weights("resnet18", False)
    assert "random" in weights_origin("resnet18", False)
    assert "timm" in weights_origin("resnet18", True)
