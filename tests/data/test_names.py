import json
import pickle

import numpy as np
import pytest

from covpool.data.names import Names, NumberedNames

WORDS = ["a.jpg", "", "katze/\u00e4.png", "bytes\udcff.jpg"]


def test_names_are_those_that_were_given():
    names = Names(WORDS)
    assert names == WORDS
    assert names == WORDS
    assert list(names) == WORDS
    assert names[-1] == WORDS[-1]
    assert names[1:3] == WORDS[1:3]
    assert names.index("a.jpg") == 0
    assert json.loads(json.dumps(list(names))) == WORDS
    assert pickle.loads(pickle.dumps(names)) == WORDS
    assert names != WORDS[:3]
    assert names != "a.jpg"
    with pytest.raises(IndexError):
        names[4]


def test_taking_twice_is_taking_once():
    names = Names(WORDS).take(np.array([3, 0, 2])).take(np.array([2, 1]))
    assert names == [WORDS[2], WORDS[0]]
    assert Names([]).take(np.array([], np.int64)) == []


def test_numbered_names_take_no_memory():
    names = NumberedNames("train", 10**9)
    assert names[123456] == "train/123456"
    assert names.take(np.array([7])) == ["train/00007"]
    assert len(pickle.dumps(names)) < 200


def test_lists_are_joined_in_order():
    assert Names.joined([Names(WORDS), Names([]), Names(["last"])]) == [*WORDS, "last"]
    assert Names.joined([]) == []
