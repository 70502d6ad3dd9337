"""The three global generators continue exactly."""

import random

import numpy as np
import pytest
import torch

from covpool.training.run.checkpoint import load_checkpoint, save_checkpoint
from covpool.training.run.generators import (
    generator_states,
    isolated_generators,
    seed_generators,
    set_generator_states,
)


def draw():
    return [random.gauss(0, 1), random.random(), *np.random.randn(3), *torch.randn(3).tolist()]


def test_states_survive_a_file_and_continue_the_same_numbers(tmp_path):
    with isolated_generators():
        seed_generators(7)
        random.gauss(0, 1)  # leaves half a pair behind in Python and NumPy
        np.random.randn()
        save_checkpoint(tmp_path / "x.pt", {"generators": generator_states()})
        expected = draw()
        draw()
        set_generator_states(load_checkpoint(tmp_path / "x.pt")["generators"])
        assert draw() == expected


def test_a_seed_decides_all_three():
    with isolated_generators():
        seed_generators(3)
        first = draw()
        seed_generators(3)
        assert draw() == first
        seed_generators(4)
        assert draw() != pytest.approx(first)


def test_the_callers_numbers_are_left_alone():
    with isolated_generators():
        seed_generators(5)
        expected = draw()
        seed_generators(5)
        with isolated_generators():
            seed_generators(6)
            draw()
        assert draw() == expected
