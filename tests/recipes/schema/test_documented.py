"""A row of a table is a recipe function with words of its own."""

import inspect

from covpool.recipes import Recipe
from covpool.recipes.schema.documented import documented


def test_values_are_filled_in_and_the_words_are_the_rows_own():
    row = documented("What it is.", Recipe, seed=3)
    assert row() == Recipe(seed=3)
    assert inspect.getdoc(row) == "What it is."
    assert inspect.getdoc(documented("Another.", Recipe)) == "Another."
