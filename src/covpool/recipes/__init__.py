"""Recipes: frozen data that says how a network is trained. Standard library and YAML only, no torch."""

from covpool.recipes.catalog import find_recipe, recipes
from covpool.recipes.schema.choice import Choice, split_choices
from covpool.recipes.schema.reading import RecipeError
from covpool.recipes.schema.recipe import Recipe
from covpool.recipes.schema.specs import LoaderSpec, NetworkSpec, OptimizerSpec, ScheduleSpec, TransformSpec

__all__ = [
    "Choice",
    "LoaderSpec",
    "NetworkSpec",
    "OptimizerSpec",
    "Recipe",
    "RecipeError",
    "ScheduleSpec",
    "TransformSpec",
    "find_recipe",
    "recipes",
    "split_choices",
]
