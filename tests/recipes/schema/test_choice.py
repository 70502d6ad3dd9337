"""Choices are immutable data with a one-line spelling that comes back."""

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from covpool.recipes.schema.choice import Choice, split_choices

NAMES = st.from_regex(r"[a-z][a-z0-9_.+-]{0,12}", fullmatch=True)
OPTIONS = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True).filter(lambda s: s not in {"name", "self"})
PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = PLAIN | st.lists(PLAIN, max_size=3).map(tuple)


@given(NAMES, st.dictionaries(OPTIONS, VALUES, max_size=4))
def test_the_one_line_spelling_comes_back(name, options):
    choice = Choice(name, **options)
    assert Choice.parse(str(choice)) == choice
    assert hash(Choice.parse(str(choice))) == hash(choice)
    assert split_choices(f"{choice},avg") == [choice, Choice("avg")]
    assert pickle.loads(pickle.dumps(choice)) == copy.deepcopy(choice) == choice


@pytest.mark.parametrize(
    ("text", "options"),
    [
        ("isqrt", {}),
        ("isqrt()", {}),
        (" isqrt( steps = 5 ) ", {"steps": 5}),
        ("x(a=1e-3,b=true,c=None,d=word,e='a, b',f=(1, 2),g=[1])",
         {"a": 1e-3, "b": True, "c": None, "d": "word", "e": "a, b", "f": (1, 2), "g": (1,)}),
    ],
)  # fmt: skip
def test_text_is_read_as_people_write_it(text, options):
    assert Choice.parse(text).options == options


def test_a_mapping_is_read_too():
    assert Choice.parse({"name": "isqrt", "steps": 5}) == Choice("isqrt", steps=5)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("isqrt(steps=5", "lacks its closing bracket"),
        ("isqrt(5)", "options as option=value; got '5'"),
        ("isqrt(a=1, a=2)", "gives the option 'a' twice"),
        ("", "plain name"),
        ("two words", "plain name"),
        (7, "written as name or name"),
        ({"steps": 5}, "needs a 'name'"),
        ({"name": "x", "a": {"b": 1}}, "got dict"),
    ],
)
def test_what_is_no_choice_is_refused_with_the_spelling_that_is_needed(value, message):
    with pytest.raises(ValueError, match=message):
        Choice.parse(value)


def test_a_choice_cannot_be_changed():
    choice = Choice("isqrt", steps=5)
    choice.options["steps"] = 3
    assert choice.options == {"steps": 5}
    with pytest.raises(AttributeError, match="immutable"):
        choice.steps = 3
    with pytest.raises(AttributeError, match="immutable"):
        del choice._name


def test_choices_differ_by_name_and_by_options_but_not_by_their_order():
    assert Choice("a", x=1, y=2) == Choice("a", y=2, x=1)
    assert hash(Choice("a", x=1, y=2)) == hash(Choice("a", y=2, x=1))
    assert Choice("a") not in [Choice("b"), Choice("a", x=1), "a"]


def test_empty_parts_of_a_line_are_left_out():
    assert split_choices("avg,, isqrt(steps=3),") == [Choice("avg"), Choice("isqrt", steps=3)]
    assert split_choices(["avg", Choice("gem", p=3.0)]) == [Choice("avg"), Choice("gem", p=3.0)]
