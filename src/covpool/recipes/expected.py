"""What result a recipe is known to give: the published one of its docstring, while nothing of it is changed."""

import re

from covpool.recipes.catalog import recipes
from covpool.recipes.schema.recipe import Recipe

_PUBLISHED = re.compile(r"Published: (.*?)\.?\s*(?:Reproduced\s+here|Measured|$)", re.DOTALL)
FREE = ("name", "source", "data", "val", "checkpoint_every_steps")  # they change no number


def expected_result(recipe: Recipe) -> str:
    """One sentence: the published result, what the recipe differs in from the published one, or "not established".

    Example:
        >>> from covpool.recipes import find_recipe
        >>> expected_result(find_recipe("threeg/resnet50"))
        'published: top-1/top-5 error 21.34/5.70, one crop (README)'
        >>> expected_result(Recipe(name="mine"))
        'not established'
    """
    if recipe.name not in recipes:
        return "not established"
    build = recipes.get(recipe.name)
    found = _PUBLISHED.search(build.__doc__ or "")
    text = " ".join(found.group(1).split()).removesuffix(".") if found else "none"
    if text.startswith("none"):
        return "not established"
    changed = _changed(build().to_dict(), recipe.to_dict())
    if not changed:
        return f"published: {text}"
    return f"not established with other values of {', '.join(changed)}; published for the recipe as it is: {text}"


def _changed(before: dict[str, object], after: dict[str, object], prefix: str = "") -> list[str]:
    found: list[str] = []
    for key, value in after.items():
        old = before.get(key)
        if isinstance(value, dict) and isinstance(old, dict):
            found += _changed(old, value, f"{prefix}{key}.")
        elif value != old and prefix + key not in (*FREE, "loader.workers"):
            found.append(prefix + key)
    return found
