"""Every listed recipe is complete, right and documented."""

import inspect

import pytest

from covpool.recipes import Recipe, RecipeError, find_recipe, recipes
from covpool.registry import UnknownName


@pytest.mark.parametrize("name", recipes)
def test_a_listed_recipe_has_its_name_its_source_and_right_values(name):
    recipe = find_recipe(name)
    assert recipe.name == name
    assert recipe.source
    assert Recipe.from_yaml(recipe.check().to_yaml()) == recipe


@pytest.mark.parametrize("name", recipes)
def test_a_docstring_says_where_values_come_from_and_what_was_published(name):
    text = inspect.getdoc(recipes.get(name))
    assert "Values:" in text
    assert "Published:" in text


def test_an_unknown_name_is_answered_with_the_nearest():
    with pytest.raises(UnknownName, match="did you mean 'small/conv4'"):
        find_recipe("small/conv")


def test_a_file_is_read_and_its_mistakes_name_it(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("seed: 4")
    assert find_recipe(path) == Recipe(seed=4)
    path.write_text("sed: 4")
    with pytest.raises(RecipeError, match=r"mine\.yaml.*did you mean 'seed'"):
        find_recipe(str(path))
    with pytest.raises(RecipeError, match=r"absent\.yaml cannot be read: No such file"):
        find_recipe(tmp_path / "absent.yaml")


def test_what_lies_there_but_is_no_recipe_is_said(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("a: [")
    with pytest.raises(RecipeError, match=r"mine\.yaml: the text is no YAML"):
        find_recipe(path)
    with pytest.raises(RecipeError, match="is a folder; a recipe is a name"):
        find_recipe(tmp_path)
    with pytest.raises(RecipeError, match=r"does not end in \.yaml"):
        find_recipe(path.rename(tmp_path / "mine.txt"))
