"""The table of recipes, made of those of the stems and our own, and the way from a name or a file to a Recipe."""

from collections.abc import Callable
from pathlib import Path

from covpool.recipes import assembled, assembled_sets, fast_mpncov, gcp_opt, gcp_opt_yaml, gm_sop, modern, own, threeg
from covpool.recipes.schema.reading import RecipeError, read_yaml
from covpool.recipes.schema.recipe import Recipe
from covpool.registry import Registry

recipes: Registry[Callable[[], Recipe]] = Registry("recipe")
"""Name -> function that returns the recipe; its docstring holds the source of each value."""

for _part in (fast_mpncov, threeg, gm_sop, gcp_opt, gcp_opt_yaml, assembled, assembled_sets, own, modern):
    for _name, _function in _part.RECIPES.items():
        recipes.register(_name, _function)


def find_recipe(name_or_file: str | Path) -> Recipe:
    """The registered recipe of that name, or the one in a YAML file (anything that ends in .yaml or .yml).

    Raises:
        UnknownName: no recipe has that name; the nearest one is offered.
        RecipeError: the file is missing, holds mistakes, or is none of YAML.

    Example:
        >>> find_recipe("small/conv4").network.backbone
        'conv4'
    """
    path = Path(name_or_file)
    if path.suffix not in (".yaml", ".yml"):
        if path.exists() and str(name_or_file) not in recipes:
            what = "a folder" if path.is_dir() else "a file that does not end in .yaml"
            raise RecipeError([f"{path} is {what}; a recipe is a name or a .yaml file, and images are its field data"])
        return recipes.get(str(name_or_file))()
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise RecipeError([f"the recipe file {path} cannot be read: {error.strerror}"]) from error
    try:
        data = read_yaml(text)
    except RecipeError as error:
        raise RecipeError([f"{path}: {mistake}" for mistake in error.mistakes], str(path)) from error
    try:
        return Recipe.from_dict(data)
    except RecipeError as error:
        raise RecipeError(error.mistakes, str(path)) from error
