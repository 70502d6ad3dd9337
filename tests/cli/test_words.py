import argparse

import pytest
from jsonargparse import ArgumentParser

from covpool.cli.words import take_apart, wanted


@pytest.fixture
def flags():
    parser = ArgumentParser()
    parser.add_argument("--lr", type=float | None)
    parser.add_argument("--steps", "-s", type=int)
    parser.add_argument("--deep", type=bool)
    parser.add_argument("--frozen", action="store_true")
    parser.add_argument("--net.pool", type=str)
    return parser._option_string_actions


def read(flags, *words):
    line = take_apart(words, flags, "covpool x")
    return list(map(str, line.options)), line.positionals, line.mistakes


def test_options_and_positionals_come_in_any_order(flags):
    assert read(flags, "a", "--steps", "3", "b", "--frozen", "c") == (["--steps=3", "--frozen"], ["a", "b", "c"], [])


def test_a_negative_number_is_a_value(flags):
    assert read(flags, "--lr", "-1e-3", "-2") == (["--lr=-1e-3"], ["-2"], [])


def test_everything_after_two_dashes_is_positional(flags):
    assert read(flags, "--frozen", "--", "--lr", "x") == (["--frozen"], ["--lr", "x"], [])


def test_none_is_understood_where_it_is_allowed(flags):
    assert read(flags, "--lr", "none", "--net.pool", "none")[0] == ["--lr=null", "--net.pool=none"]


def test_a_truth_may_stand_without_a_value(flags):
    assert read(flags, "--deep", "a", "--deep", "false")[:2] == (["--deep=true", "--deep=false"], ["a"])


def test_every_mistake_is_kept(flags):
    options, positionals, mistakes = read(flags, "--stps", "3", "--pool=x", "--frozen=yes", "--net", "y", "--steps")
    assert (options, positionals) == ([], [])
    assert mistakes == [
        "covpool x has no option '--stps'; did you mean '--steps'?",
        "covpool x has no option '--pool'; did you mean '--net.pool'?",
        "--frozen is a switch and takes no value; got 'yes'",
        "--net is a group of options; give one of them (--net.pool)",
        "--steps needs a whole number; got nothing",
    ]


@pytest.mark.parametrize(
    ("hint", "said"),
    [
        (int | None, "a whole number or none"),
        (tuple[float, float], "a list of 2, each a number, such as [1, 2, 3]"),
        (dict[str, int], "a mapping"),
        (bool, "true or false"),
    ],
)
def test_what_is_wanted_is_said_in_words(hint, said):
    action = argparse.Action(["--x"], "x")
    action._typehint = hint
    assert wanted(action) == said
