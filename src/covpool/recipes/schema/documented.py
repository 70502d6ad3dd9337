"""Recipes that are rows of a table: one function, many values, each with a docstring of its own."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from covpool.recipes.schema.recipe import Recipe


def documented(about: str, build: Callable[..., Recipe], *values: Any, **named: Any) -> Callable[[], Recipe]:
    """``build`` with its values filled in; ``about`` says where they come from and what was published.

    Example:
        >>> documented("A seed. Values: mine.", Recipe, seed=3)().seed
        3
    """
    function = partial(build, *values, **named)
    function.__doc__ = about
    return function
