"""What a recipe is known to give is told only for the recipe that gave it."""

from dataclasses import replace

import pytest

from covpool.recipes import find_recipe, recipes
from covpool.recipes.expected import expected_result


def test_a_published_result_is_told_for_the_recipe_as_it_is():
    recipe = find_recipe("fast_mpncov/resnet50")
    assert expected_result(recipe).startswith("published: top-1/top-5 error 22.14/6.22 (paper)")
    assert expected_result(replace(recipe, data="elsewhere", checkpoint_every_steps=5)) == expected_result(recipe)


def test_with_other_values_it_is_not_established_and_the_fields_are_named():
    recipe = find_recipe("fast_mpncov/resnet50")
    changed = replace(recipe, seed=3, schedule=replace(recipe.schedule, epochs=5, milestones=(3,)))
    said = expected_result(changed)
    assert said.startswith("not established with other values of schedule.epochs, schedule.milestones, seed; published")


@pytest.mark.parametrize("name", list(recipes))
def test_every_recipe_has_a_sentence(name):
    said = expected_result(recipes.get(name)())
    assert said == "not established" or said.startswith("published: ")
    assert "Reproduced" not in said
