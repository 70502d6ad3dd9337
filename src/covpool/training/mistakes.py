"""What is wrong with a recipe, before anything is built: unknown names, wrong options, values out of range."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from covpool.data import ImageSource, augmentations, mixings
from covpool.models import named_networks
from covpool.models.backbone import check_backbone
from covpool.models.published import published_networks
from covpool.models.techniques import technique_mistakes
from covpool.pooling import pools
from covpool.recipes import Choice, Recipe
from covpool.recipes.schema.rules import value_mistakes
from covpool.registry import Registry, check_options, refusals
from covpool.training.parts.distillation import distillations
from covpool.training.parts.losses import auxiliaries, losses
from covpool.training.parts.optimizer import optimizer_mistakes

T = TypeVar("T")


def name_mistakes(recipe: Recipe) -> list[str]:
    """Every name and option of ``recipe`` that nothing is registered for, and every value out of range."""
    network, transform = recipe.network, recipe.transform
    whole = network.backbone in named_networks or network.backbone in published_networks
    backbone = [] if whole else refusals(check_backbone, network.backbone)
    given = ("in_features", "reduce_to")
    return [
        *value_mistakes(recipe),
        *(f"network.backbone: {m}" for m in backbone),
        *(f"network.pool: {m}" for m in _choice_mistakes(pools, network.pool, lambda p: p.build, given)),
        *(f"network.techniques: {m}" for m in technique_mistakes(network.techniques, pretrained=network.pretrained)),
        *(
            f"transform.augment: {m}"
            for m in _choice_mistakes(augmentations, transform.augment, lambda a: a.build, ("preprocessing",))
        ),
        *(f"loss: {m}" for m in _choice_mistakes(losses, recipe.loss, lambda build: build)),
        *(f"auxiliary: {m}" for m in _optional_mistakes(auxiliaries, recipe.auxiliary)),
        *(f"distillation: {m}" for m in _optional_mistakes(distillations, recipe.distillation)),
        *(f"mixing: {m}" for m in _optional_mistakes(mixings, recipe.mixing)),
        *(f"optimizer.name: {m}" for m in optimizer_mistakes(recipe.optimizer.name)),
    ]


def _choice_mistakes(
    registry: Registry[T],
    choice: Choice,
    target: Callable[[T], Callable[..., Any]],
    given: tuple[str, ...] = (),
) -> list[str]:
    if choice.name not in registry:
        return refusals(registry.get, choice.name)
    options = {name: value for name, value in choice.options.items() if name not in given}
    return check_options(registry.kind, choice.name, target(registry.get(choice.name)), options, given=given)


def _optional_mistakes(registry: Registry[Callable[..., Any]], choice: Choice | None) -> list[str]:
    return [] if choice is None else _choice_mistakes(registry, choice, lambda build: build)


def picture_mistakes(recipe: Recipe, images: ImageSource) -> list[str]:
    """What ``images`` lacks for training by ``recipe``."""
    absent = [name for name in ("train", "val") if not getattr(images, name)]
    mistakes = [f"data: {images.name} has no {name} pictures, which training needs" for name in absent]
    wanted = recipe.network.num_classes
    if wanted is not None and wanted < len(images.classes):
        mistakes.append(
            f"network.num_classes needs at least the {len(images.classes)} classes of {images.name}; got {wanted}"
        )
    return mistakes
