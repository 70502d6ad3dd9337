import errno

import numpy as np
import pytest
import torch
from torch import nn

from covpool.cli.errors import Failure, Usage, guard
from covpool.cli.options import at_least
from covpool.data.errors import CorruptImage
from covpool.pooling import create_pool
from covpool.recipes import Recipe, RecipeError


def raising(error):
    def work():
        raise error

    return work


def test_several_mistakes_are_a_list(capsys):
    assert guard(raising(Usage(["one", "two"]))) == 2
    assert capsys.readouterr().err == "error: 2 mistakes\n  - one\n  - two\n"


def test_a_single_mistake_is_a_sentence(capsys):
    assert guard(raising(RecipeError(["only one"]))) == 2
    assert capsys.readouterr().err == "error: only one\n"


def test_a_sentence_of_our_own_is_shown_as_it_is(capsys):
    assert guard(lambda: create_pool("isqrt", 0)) == 2
    assert capsys.readouterr().err == "error: in_features needs to be a positive number of channels; got 0\n"


def test_all_mistakes_of_a_recipe_are_reported(capsys):
    assert guard(lambda: Recipe.from_dict({"seed": -1, "optimizer": {"lr": "x", "ls": 1}})) == 2
    assert capsys.readouterr().err.startswith("error: 3 mistakes\n")


def test_an_error_that_is_not_ours_is_named_with_the_way_to_its_traceback(capsys):
    assert guard(raising(ZeroDivisionError("division\nby zero"))) == 1
    said = capsys.readouterr().err
    assert said == "error: unexpected ZeroDivisionError: division by zero (--debug shows the traceback)\n"


@pytest.mark.parametrize(
    ("work", "sentence"),
    [
        (lambda: nn.MaxPool2d(2)(torch.zeros(1, 1, 1, 1)), "the images are too small for this network"),
        (lambda: nn.Conv2d(1, 1, 3)(torch.zeros(1, 1, 1, 1)), "the images are too small for this network"),
        (lambda: torch.zeros(1 << 55, dtype=torch.uint8), "the memory does not suffice"),
        (lambda: np.zeros(1 << 55, np.uint8), "the memory does not suffice"),
    ],
)
def test_what_torch_says_of_sizes_and_memory_is_said_as_what_to_do(work, sentence, capsys):
    assert guard(work) == 1
    assert capsys.readouterr().err.startswith(f"error: {sentence}")


def test_a_value_error_of_someone_else_is_no_wrong_usage(capsys):
    assert guard(lambda: int("x")) == 1
    assert "unexpected ValueError" in capsys.readouterr().err


def test_a_slip_of_our_own_is_not_passed_off_as_a_sentence(capsys):
    assert guard(lambda: Recipe().to_dicct()) == 1
    assert guard(lambda: create_pool("isqrt")) == 1
    assert guard(lambda: at_least(None, x=1)) == 1
    assert capsys.readouterr().err.count("error: unexpected") == 3


def test_trouble_with_a_file_names_the_file(capsys, tmp_path):
    assert guard(lambda: (tmp_path / "absent").read_text()) == 1
    assert capsys.readouterr().err == f"error: {tmp_path / 'absent'}: No such file or directory\n"


def test_a_place_that_is_closed_to_the_user_is_told_with_what_to_do(capsys):
    assert guard(raising(PermissionError(errno.EACCES, "Permission denied", "locked"))) == 1
    said = capsys.readouterr().err
    assert said == "error: locked: Permission denied; name another place, or give yourself the right to it\n"


@pytest.mark.parametrize("error", [CorruptImage("cat/1.png", "it is empty"), Failure("could not finish")])
def test_work_that_fails_is_no_wrong_usage(error, capsys):
    assert guard(raising(error)) == 1


def test_ctrl_c_is_130(capsys):
    assert guard(raising(KeyboardInterrupt())) == 130
    assert capsys.readouterr().err == "\ninterrupted\n"


def test_debug_shows_the_traceback_too(capsys):
    guard(raising(ZeroDivisionError("x")), debug=True)
    said = capsys.readouterr().err
    assert said.startswith("Traceback")
    assert "error: unexpected ZeroDivisionError" in said
