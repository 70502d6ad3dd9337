"""A tiny set of pictures in memory, and a recipe that uses everything random at once."""

import pytest

from tiny_runs import records_of, tiny_pictures, tiny_recipe


@pytest.fixture(scope="session")
def pictures():
    return tiny_pictures()


@pytest.fixture
def recipe(recipe_of_module):
    return recipe_of_module


@pytest.fixture(scope="module")
def recipe_of_module():
    return tiny_recipe()


@pytest.fixture(scope="session")
def records():
    """run -> all that must be equal: weights, average, optimizer, meters, generators, history, journal."""
    return records_of
