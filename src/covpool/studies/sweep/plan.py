"""What a sweep looks for: a recipe, the fields that vary, and by what the trials are judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from pathlib import Path
from random import Random
from typing import Any, Literal, get_args

from covpool.evaluation.writing.whole_file import whole_file
from covpool.recipes import Recipe, RecipeError
from covpool.recipes.schema.reading import read_fields, read_yaml, write_yaml
from covpool.studies.sweep.space import Dimension, SweepError, applied, merged, read_space
from covpool.training.mistakes import name_mistakes

Metric = Literal["top1", "top5", "loss"]
Sampler = Literal["tpe", "random", "grid"]
Pruner = Literal["median", "hyperband", "none"]
FILE = "sweep.yaml"
SCHEMA = "covpool-sweep-plan/1"
LARGEST_GRID = 10_000


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A sweep, complete: the same plan and the same history give the same next trial.

    Args:
        recipe: what every trial starts from.
        space: the fields that vary.
        metric: of the last evaluation of a trial, on the recipe's validation pictures.
        sampler: "tpe" (Optuna's default) proposes what did well before; "random"; "grid" tries every value of a space
            without continuous ranges.
        pruner: "median" stops a trial that is worse at an epoch than half of the earlier ones were at it; "hyperband"
            stops all but the best third at growing epochs; "none".
        seed: of the proposals.
    """

    recipe: Recipe
    space: Sequence[Dimension]
    metric: Metric = "top1"
    sampler: Sampler = "tpe"
    pruner: Pruner = "median"
    seed: int = 0

    @property
    def direction(self) -> Literal["minimize", "maximize"]:
        """Which way the metric is better."""
        return "minimize" if self.metric == "loss" else "maximize"

    @property
    def varied(self) -> list[Dimension]:
        """The dimensions with more than one value."""
        return [dimension for dimension in self.space if len(dimension.corners()) > 1]

    def check(self) -> Plan:
        """The plan itself.

        Raises:
            SweepError: nothing varies; values that a recipe cannot have, each alone; all of them.
        """
        mistakes = [] if self.varied else ["a sweep needs a field that varies, such as optimizer.lr=1e-4..1e-2:log"]
        kinds = {"metric": Metric, "sampler": Sampler, "pruner": Pruner}
        for name, kind in kinds.items():
            if getattr(self, name) not in get_args(kind):
                mistakes.append(f"{name} needs to be one of {', '.join(get_args(kind))}; got {getattr(self, name)!r}")
        endless = [d.field for d in self.varied if not d.countable]
        if self.sampler == "grid" and endless:
            mistakes.append(f"a grid needs values, or ranges in steps; {', '.join(endless)} has any number between")
        elif self.sampler == "grid" and prod(len(d.grid()) for d in self.varied) > LARGEST_GRID:
            mistakes.append(f"a grid holds at most {LARGEST_GRID:,} trials; fewer values, or another sampler")
        mistakes += self._wrong_values()
        if mistakes:
            raise SweepError(dict.fromkeys(mistakes))
        return self

    def _wrong_values(self) -> list[str]:
        """What is wrong with the corners of the space, each dimension alone, the others at their first value."""
        first = {dimension.field: dimension.corners()[0] for dimension in self.space}
        found: list[str] = []
        for dimension in self.space:
            for value in dimension.corners():
                try:
                    recipe, wrong = read_fields(Recipe, merged(self.recipe, {**first, dimension.field: value}))
                except RecipeError as error:
                    found += error.mistakes
                else:
                    found += wrong or name_mistakes(recipe)
        return found

    def grid(self) -> list[dict[str, Any]]:
        """What Optuna stores for every point of the grid, in an order drawn by the seed: any first part is spread."""
        names = [dimension.field for dimension in self.varied]
        points = [dict(zip(names, each, strict=True)) for each in product(*(d.grid() for d in self.varied))]
        Random(self.seed).shuffle(points)
        return points

    def recipe_of(self, values: dict[str, Any]) -> Recipe:
        """The recipe of a trial."""
        return applied(self.recipe, values)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for YAML."""
        names = ("metric", "sampler", "pruner", "seed")
        space = dict(str(dimension).split("=", 1) for dimension in self.space)
        return {
            "schema": SCHEMA,
            **{n: getattr(self, n) for n in names},
            "space": space,
            "recipe": self.recipe.to_dict(),
        }

    def write(self, folder: Path) -> None:
        """Into ``folder``."""
        with whole_file(folder / FILE) as file:
            file.write(write_yaml(self.to_dict()).encode())

    @classmethod
    def read(cls, folder: str | Path) -> Plan:
        """The plan of the sweep in ``folder``.

        Raises:
            ValueError: there is no sweep.
        """
        path = Path(folder) / FILE
        if not path.is_file():
            raise ValueError(f"{folder} holds no sweep: {FILE} is missing. Begin one with a recipe and a search space")
        data = read_yaml(path.read_text(encoding="utf-8"))
        if not isinstance(data, dict) or data.get("schema") != SCHEMA:
            raise ValueError(f"{path} needs the schema {SCHEMA!r}")
        rest = {name: data[name] for name in ("metric", "sampler", "pruner", "seed")}
        return cls(recipe=Recipe.from_dict(data["recipe"]), space=read_space(data["space"]), **rest)
