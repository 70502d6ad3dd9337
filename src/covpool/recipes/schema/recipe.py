"""The recipe: frozen data that says how a network is trained. No torch here, and nothing is looked up."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Literal

from covpool.recipes.schema.choice import Choice
from covpool.recipes.schema.reading import RecipeError, read_fields, read_yaml, write_yaml
from covpool.recipes.schema.rules import value_mistakes
from covpool.recipes.schema.specs import (
    LoaderSpec,
    NetworkSpec,
    OptimizerSpec,
    ScheduleSpec,
    TransformSpec,
    parse_choices,
)


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that says how a network is trained and judged; the same recipe gives the same run.

    Example:
        >>> recipe = Recipe(data="digits", network=NetworkSpec(pool=Choice("isqrt", steps=3)), seed=1)
        >>> Recipe.from_yaml(recipe.to_yaml()) == recipe
        True
    """

    name: str = ""
    """Name under which the recipe is listed."""
    data: str | None = None
    """A class-folder directory, a .tar of one, or the name of a known set."""
    val: str | None = None
    """A second source with the evaluation images, where the first has only training images."""
    network: NetworkSpec = field(default_factory=NetworkSpec)
    transform: TransformSpec = field(default_factory=TransformSpec)
    loader: LoaderSpec = field(default_factory=LoaderSpec)
    optimizer: OptimizerSpec = field(default_factory=OptimizerSpec)
    schedule: ScheduleSpec = field(default_factory=ScheduleSpec)
    loss: Choice = field(default=Choice("cross-entropy"))
    """The loss and its options, e.g. cross-entropy(smoothing=0.1)."""
    auxiliary: Choice | None = None
    """A further loss of what a part of the network puts out, e.g. balance(strength=100) of the gate of gm-sop."""
    mixing: Choice | None = None
    """What mixes the pictures of a batch: mixup-type1, mixup-type2, mixup, cutmix, mixup-cutmix."""
    distillation: Choice | None = None
    """A teacher whose answers are learned too: teacher(weights=FILE, temperature=2.0), or stored-logits."""
    ema: float | None = None
    """Decay of the running average of the weights (0.9998); that average is then evaluated. None: off."""
    swa_epochs: int | None = None
    """Last epochs whose weights are averaged equally, with batch norms measured anew; that average is then evaluated.
    None: off."""
    precision: Literal["32-true", "bf16-mixed", "16-mixed"] = "32-true"
    """Number format of the forward and backward pass; 16-mixed scales the loss."""
    loss_scale: float | None = None
    """Factor of the loss in 16-mixed that never changes (128 in Assemble); none: as large as the gradients allow."""
    seed: int = 0
    """Seed of the weights, the order of the images and the augmentation."""
    channels_last: bool = False
    """Keep the images' channels last in memory; often faster for convolutions."""
    checkpoint_every_steps: int | None = None
    """Optimizer steps between checkpoints inside an epoch; none: only at the end of each epoch."""
    source: str = ""
    """Where the values come from."""

    def __post_init__(self) -> None:
        parse_choices(self, "loss", "auxiliary", "mixing", "distillation")

    def check(self) -> "Recipe":
        """The recipe itself; RecipeError with all mistakes where values are out of their range."""
        mistakes = value_mistakes(self)
        if mistakes:
            raise RecipeError(mistakes, self.name)
        return self

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON and YAML, with every field; choices in their one-line spelling."""
        return _to_plain(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Recipe":
        """A recipe from plain data; fields that are left out keep their defaults.

        Raises:
            RecipeError: unknown fields, wrong types and values out of range, all of them at once.
        """
        recipe, mistakes = read_fields(cls, data)
        mistakes += value_mistakes(recipe)
        if mistakes:
            raise RecipeError(mistakes, recipe.name)
        return recipe

    def to_yaml(self) -> str:
        """The recipe as YAML text, fields in their order."""
        return write_yaml(self.to_dict())

    @classmethod
    def from_yaml(cls, text: str) -> "Recipe":
        """A recipe from YAML (or JSON) text."""
        return cls.from_dict(read_yaml(text))


def _to_plain(value: Any) -> Any:
    if is_dataclass(value):
        return {f.name: _to_plain(getattr(value, f.name)) for f in fields(value)}
    if isinstance(value, Choice):
        return str(value)
    if isinstance(value, Mapping):
        return {key: _to_plain(item) for key, item in value.items()}
    if isinstance(value, tuple | list):
        return [_to_plain(item) for item in value]
    return value
