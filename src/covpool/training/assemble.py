"""The one place where the names of a recipe become objects; all its mistakes are reported together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from torch import nn
from torch.optim import Optimizer

from covpool._version import __version__
from covpool.data import (
    BadSource,
    ImageSet,
    ImageSource,
    Loader,
    Preprocessing,
    augmentations,
    eval_loader,
    eval_transform,
    mixings,
    open_images,
    train_loader,
    training_transforms,
)
from covpool.models import Network, create_network, named_networks
from covpool.models.backbone import WeightsUnavailable, check_backbone
from covpool.models.published import published_networks
from covpool.observe import observe
from covpool.pooling import pools
from covpool.recipes import Choice, LoaderSpec, Recipe, RecipeError
from covpool.recipes.rules import value_mistakes
from covpool.registry import Registry, check_options
from covpool.training.losses import Auxiliary, auxiliaries, losses
from covpool.training.optimizer import build_optimizer, optimizer_mistakes
from covpool.training.run import seed_generators

T = TypeVar("T")
Transform = Callable[[Any], Any]


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The objects of a run."""

    recipe: Recipe
    network: Network
    loss: nn.Module
    auxiliary: Auxiliary | None
    optimizer: Optimizer
    train_loader: Loader
    val_loader: Loader
    preprocessing: Preprocessing
    classes: list[str]

    def about(self) -> dict[str, Any]:
        """What a checkpoint tells about the network in it."""
        return {
            "classes": self.classes,
            "preprocessing": self.preprocessing.to_dict(),
            "recipe": self.recipe.to_dict(),
            "version": __version__,
        }


def assemble(recipe: Recipe, *, images: ImageSource | None = None, download: bool = False) -> Parts:
    """The network, the loss, the optimizer and the loaders that ``recipe`` names.

    Seeds the global generators with the recipe's seed before the weights are drawn.

    Args:
        images: pictures at hand; none (default) opens the recipe's ``data`` and ``val``.
        download: fetch the pictures of a known set where they are missing.

    Raises:
        RecipeError: unknown names, unknown or missing options, values out of range; all of them.
        BadSource: the recipe is right and its pictures are not.
    """
    train, val = _open_pictures(recipe, images, download)
    seed_generators(recipe.seed)
    mistakes: list[str] = []
    loss = _attempt("loss", mistakes, lambda: losses.get(recipe.loss.name)(**recipe.loss.options))
    network = _attempt("network", mistakes, lambda: _build_network(recipe, len(train.classes)))
    auxiliary = None if network is None else _attempt("auxiliary", mistakes, lambda: _auxiliary(recipe, network))
    _raise_all(recipe, mistakes)
    assert network is not None
    assert loss is not None
    preprocessing, transform = _transforms(recipe, network)
    train_batches, val_batches = _loaders(recipe.loader, recipe.seed, train, val, transform, preprocessing)
    return Parts(
        recipe=recipe,
        network=network,
        loss=loss,
        auxiliary=auxiliary,
        optimizer=build_optimizer(network, recipe.optimizer),
        train_loader=train_batches,
        val_loader=val_batches,
        preprocessing=preprocessing,
        classes=list(train.classes),
    )


def name_mistakes(recipe: Recipe) -> list[str]:
    """Every name and option of ``recipe`` that nothing is registered for, and every value out of range."""
    network, transform = recipe.network, recipe.transform
    whole = network.backbone in named_networks or network.backbone in published_networks
    backbone = [] if whole else _said(lambda: check_backbone(network.backbone))
    given = ("in_features", "reduce_to")
    return [
        *value_mistakes(recipe),
        *(f"network.backbone: {m}" for m in backbone),
        *(f"network.pool: {m}" for m in _choice_mistakes(pools, network.pool, lambda p: p.build, given)),
        *(
            f"transform.augment: {m}"
            for m in _choice_mistakes(augmentations, transform.augment, lambda a: a.build, ("preprocessing",))
        ),
        *(f"loss: {m}" for m in _choice_mistakes(losses, recipe.loss, lambda build: build)),
        *(f"auxiliary: {m}" for m in _optional_mistakes(auxiliaries, recipe.auxiliary)),
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
        return _said(lambda: registry.get(choice.name))
    options = {name: value for name, value in choice.options.items() if name not in given}
    return check_options(registry.kind, choice.name, target(registry.get(choice.name)), options, given=given)


def _optional_mistakes(registry: Registry[Callable[..., Any]], choice: Choice | None) -> list[str]:
    return [] if choice is None else _choice_mistakes(registry, choice, lambda build: build)


def untrainable(recipe: Recipe) -> list[str]:
    """The fields of ``recipe`` that describe what this loop cannot do yet; none of them is ever passed over."""
    said = []
    if recipe.distillation is not None:
        said.append(
            f"distillation: training does not learn from a teacher yet; got {recipe.distillation}. Set it to none to "
            "train without"
        )
    if recipe.loader.head_batch_size not in (None, recipe.loader.batch_size):
        said.append(
            "loader.head_batch_size: training keeps one batch size in both stages yet; got "
            f"{recipe.loader.head_batch_size} beside a batch_size of {recipe.loader.batch_size}. Set it to none"
        )
    return said


def _said(check: Callable[[], Any]) -> list[str]:
    """The sentence of the ValueError that ``check`` raises, if it does."""
    try:
        check()
    except ValueError as error:
        return [str(error)]
    return []


def _attempt(field: str, mistakes: list[str], build: Callable[[], T]) -> T | None:
    """What ``build`` makes; where it raises a ValueError, the sentence goes to ``mistakes``."""
    try:
        return build()
    except WeightsUnavailable:
        raise
    except ValueError as error:
        mistakes.append(f"{field}: {error}")
        return None


def _raise_all(recipe: Recipe, mistakes: list[str]) -> None:
    if mistakes:
        raise RecipeError(mistakes, recipe.name)


def _open_pictures(recipe: Recipe, images: ImageSource | None, download: bool) -> tuple[ImageSet, ImageSet]:
    """The training and the evaluation pictures, after all names of the recipe were looked up."""
    mistakes = [*name_mistakes(recipe), *untrainable(recipe)]
    if images is None and recipe.data is None:
        mistakes.append("data: a folder, a .tar or the name of a known set is needed; none was given")
    elif images is None:
        try:
            images = open_images(str(recipe.data), val=recipe.val, download=download)
        except BadSource as error:
            if not mistakes:
                raise
            mistakes += [f"data: {mistake}" for mistake in error.mistakes]
    if images is not None:
        mistakes += _picture_mistakes(recipe, images)
    _raise_all(recipe, mistakes)
    assert images is not None
    assert images.train is not None
    assert images.val is not None
    return images.train, images.val


def _picture_mistakes(recipe: Recipe, images: ImageSource) -> list[str]:
    absent = [name for name in ("train", "val") if not getattr(images, name)]
    mistakes = [f"data: {images.name} has no {name} pictures, which training needs" for name in absent]
    wanted = recipe.network.num_classes
    if wanted is not None and wanted < len(images.classes):
        mistakes.append(
            f"network.num_classes needs at least the {len(images.classes)} classes of {images.name}; got {wanted}"
        )
    return mistakes


def _build_network(recipe: Recipe, classes: int) -> Network:
    spec = recipe.network
    network = create_network(
        spec.backbone,
        spec.pool,
        classes if spec.num_classes is None else spec.num_classes,
        pretrained=spec.pretrained,
        reduce_to=spec.reduce_to,
        last_stride=spec.last_stride,
        drop_rate=spec.drop_rate,
        hidden=spec.hidden,
        backbone_options=spec.backbone_options,
    )
    if spec.norm_momentum is not None:
        _set_norm_momentum(network, spec.norm_momentum)
    if recipe.schedule.keep_prob is not None and not hasattr(network.backbone, "set_keep_prob"):
        raise ValueError(
            f"schedule.keep_prob needs a backbone with DropBlock, such as assembled/resnet50; got {spec.backbone!r}"
        )
    return network


def _set_norm_momentum(network: nn.Module, momentum: float) -> None:
    norms = [module for module in network.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    if not norms:
        raise ValueError("norm_momentum needs a network with batch norms, and this one has none; set it to none")
    for norm in norms:
        norm.momentum = momentum


def _auxiliary(recipe: Recipe, network: Network) -> Auxiliary | None:
    """The further loss, after a look whether the network has the part that it observes."""
    if recipe.auxiliary is None:
        return None
    found = auxiliaries.get(recipe.auxiliary.name)(**recipe.auxiliary.options)
    with observe(network, found.observed):
        return found


def _transforms(recipe: Recipe, network: Network) -> tuple[Preprocessing, Transform]:
    spec = recipe.transform
    try:
        return training_transforms(
            network.pretrained_cfg,
            spec.augment.name,
            spec.augment.options,
            image_size=spec.image_size,
            mean=spec.mean,
            std=spec.std,
            crop_pct=spec.crop_pct,
            interpolation=spec.interpolation,
        )
    except ValueError as error:
        raise RecipeError([f"transform: {error}"], recipe.name) from error


def _loaders(
    spec: LoaderSpec, seed: int, train: ImageSet, val: ImageSet, transform: Transform, values: Preprocessing
) -> tuple[Loader, Loader]:
    shared: dict[str, Any] = {"batch_size": spec.batch_size, "workers": spec.workers, "on_bad_image": spec.on_bad_image}
    return (
        train_loader(train, transform, seed=seed, **shared),
        eval_loader(val, eval_transform(values), **shared),
    )
