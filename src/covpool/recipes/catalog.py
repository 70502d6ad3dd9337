"""The one visible table of recipes, and the way from a name or a file to a Recipe."""

from collections.abc import Callable
from pathlib import Path

from covpool.recipes import fast_mpncov, finetune, small
from covpool.recipes.reading import RecipeError
from covpool.recipes.schema import Recipe
from covpool.registry import Registry

recipes: Registry[Callable[[], Recipe]] = Registry("recipe")
"""Name -> function that returns the recipe; its docstring holds the source of each value."""

for _name, _function in {
    "fast_mpncov/resnet50": fast_mpncov.resnet50,
    "fast_mpncov/resnet50-warmup": fast_mpncov.resnet50_warmup,
    "fast_mpncov/resnet50-finetune": fast_mpncov.resnet50_finetune,
    "fast_mpncov/resnet101-finetune": fast_mpncov.resnet101_finetune,
    "fast_mpncov/vgg-d-finetune": fast_mpncov.vgg_d_finetune,
    "finetune/modern": finetune.modern,
    "finetune/head": finetune.head,
    "small/conv4": small.conv4,
    "small/digits": small.digits,
}.items():
    recipes.register(_name, _function)


def find_recipe(name_or_file: str | Path) -> Recipe:
    """The registered recipe of that name, or the one in a YAML file (anything that ends in .yaml or .yml).

    Raises:
        UnknownName: no recipe has that name; the nearest one is offered.
        RecipeError: the file is missing, or holds mistakes.

    Example:
        >>> find_recipe("small/conv4").network.backbone
        'conv4'
    """
    path = Path(name_or_file)
    if path.suffix not in (".yaml", ".yml"):
        return recipes.get(str(name_or_file))()
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise RecipeError([f"the recipe file {path} cannot be read: {error.strerror}"]) from error
    try:
        return Recipe.from_yaml(text)
    except RecipeError as error:
        raise RecipeError(error.mistakes, str(path)) from error
