"""The one place where the names of a recipe become objects; all its mistakes are reported together."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
    eval_loader,
    eval_transform,
    open_images,
    train_loader,
    training_transforms,
)
from covpool.models import Network
from covpool.models.backbone import WeightsUnavailable
from covpool.observe import observe
from covpool.recipes import LoaderSpec, Recipe, RecipeError, TransformSpec
from covpool.training.mistakes import name_mistakes, picture_mistakes
from covpool.training.parts.distillation import Distilled, StoredLogits, Teaching, distillations, require_logits
from covpool.training.parts.losses import Auxiliary, auxiliaries, losses
from covpool.training.parts.network import build_network
from covpool.training.parts.optimizer import build_optimizer
from covpool.training.run import seed_generators

T = TypeVar("T")
Transform = Callable[[Any], Any]


@dataclass(frozen=True, kw_only=True)
class Objects:
    """The objects of a run that need no pictures."""

    network: Network
    loss: nn.Module
    auxiliary: Auxiliary | None
    teaching: Teaching | None
    optimizer: Optimizer


@dataclass(frozen=True, kw_only=True)
class Parts:
    """The objects of a run."""

    recipe: Recipe
    network: Network
    loss: nn.Module
    auxiliary: Auxiliary | None
    teaching: Teaching | None
    optimizer: Optimizer
    train_loader: Loader
    val_loader: Loader
    preprocessing: Preprocessing
    classes: list[str]  # a name for each output of the network, those of the pictures first

    def about(self) -> dict[str, Any]:
        """What a checkpoint tells about the network in it."""
        return {
            "classes": self.classes,
            "preprocessing": self.preprocessing.to_dict(),
            "recipe": self.recipe.to_dict(),
            "version": __version__,
        }


def assemble(
    recipe: Recipe,
    *,
    images: ImageSource | None = None,
    download: bool = False,
    rank: int = 0,
    world_size: int = 1,
) -> Parts:
    """The network, the loss, the optimizer and the loaders that ``recipe`` names.

    Seeds the global generators with the recipe's seed before the weights are drawn.

    Args:
        images: pictures at hand; none (default) opens the recipe's ``data`` and ``val``.
        download: fetch the pictures of a known set where they are missing.
        rank, world_size: which of how many processes this is; each reads its share of every batch.

    Raises:
        RecipeError: unknown names, unknown or missing options, values out of range; all of them.
        BadSource: the recipe is right and its pictures are not.
    """
    _need_even_shares(recipe, world_size)
    train, val = _open_pictures(recipe, images, download)
    seed_generators(recipe.seed)
    objects = build_objects(recipe, len(train.classes))
    preprocessing, transforms = _transforms(recipe, objects.network)
    _prepare_teacher(recipe, objects.teaching, train, preprocessing)
    share = {"rank": rank, "world_size": world_size}
    train_batches = _train_loader(recipe, train, transforms, share)
    return Parts(
        recipe=recipe,
        network=objects.network,
        loss=objects.loss,
        auxiliary=objects.auxiliary,
        teaching=objects.teaching,
        optimizer=objects.optimizer,
        train_loader=train_batches,
        val_loader=eval_loader(val, eval_transform(preprocessing), **_shared(recipe.loader, share)),
        preprocessing=preprocessing,
        classes=_names_of_outputs(train.classes, objects.network.num_classes),
    )


def _names_of_outputs(classes: Sequence[str], outputs: int) -> list[str]:
    """The classes, and names for what a network has beyond them, as the 1001st output of TensorFlow's: none is one."""
    return [*classes, *(f"output {number}" for number in range(len(classes), outputs))]


def build_objects(recipe: Recipe, classes: int) -> Objects:
    """What ``recipe`` names, for data of ``classes`` classes; no pictures are needed.

    Raises:
        RecipeError: names and options that do not go together; all of them.
    """
    mistakes: list[str] = []
    loss = _attempt("loss", mistakes, lambda: losses.get(recipe.loss.name)(**recipe.loss.options))
    network = _attempt("network", mistakes, lambda: build_network(recipe, classes, loss))
    teaching = _attempt("distillation", mistakes, lambda: _teaching(recipe))
    auxiliary = None if network is None else _attempt("auxiliary", mistakes, lambda: _auxiliary(recipe, network))
    _raise_all(recipe, mistakes)
    assert network is not None
    assert loss is not None
    optimizer = _attempt("optimizer", mistakes, lambda: build_optimizer(network, recipe.optimizer))
    _raise_all(recipe, mistakes)
    assert optimizer is not None
    if teaching is not None:
        loss = Distilled(loss, temperature=teaching.temperature, weight=teaching.weight)
    return Objects(network=network, loss=loss, auxiliary=auxiliary, teaching=teaching, optimizer=optimizer)


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
    mistakes = name_mistakes(recipe)
    if images is None and recipe.data is None:
        mistakes.append("data: a folder, a .tar or the name of a known set is needed; none was given")
    elif images is None:
        try:
            images = open_images(str(recipe.data), val=recipe.val, download=download, commands=False)
        except BadSource as error:
            if not mistakes:
                raise
            mistakes += [f"data: {mistake}" for mistake in error.mistakes]
    if images is not None:
        mistakes += picture_mistakes(recipe, images)
    _raise_all(recipe, mistakes)
    assert images is not None
    assert images.train is not None
    assert images.val is not None
    return images.train, images.val


def _auxiliary(recipe: Recipe, network: Network) -> Auxiliary | None:
    """The further loss, after a look whether the network has the part that it observes."""
    if recipe.auxiliary is None:
        return None
    found = auxiliaries.get(recipe.auxiliary.name)(**recipe.auxiliary.options)
    if found.needs_labels and recipe.mixing is not None:
        raise ValueError(
            f"{recipe.auxiliary.name!r} needs whole labels, which mixed pictures have not; set mixing to none"
        )
    with observe(network, found.observed):
        return found


def _teaching(recipe: Recipe) -> Teaching | None:
    chosen = recipe.distillation
    return None if chosen is None else distillations.get(chosen.name)(**chosen.options)


def _prepare_teacher(recipe: Recipe, teaching: Teaching | None, train: ImageSet, values: Preprocessing) -> None:
    """Look whether there are stored logits for all classes, or read the teacher's network."""
    try:
        if isinstance(teaching, StoredLogits):
            require_logits(train)
        elif teaching is not None:
            teaching.load(values, len(train.classes))
    except ValueError as error:
        raise RecipeError([f"distillation: {error}"], recipe.name) from error


def _transforms(recipe: Recipe, network: Network) -> tuple[Preprocessing, list[tuple[int, Transform]]]:
    """The values of evaluation, and the transforms of training with the epochs that they begin at."""
    sizes = recipe.schedule.image_sizes or ((0, None),)
    try:
        values, whole = _transforms_at(recipe.transform, network, recipe.transform.image_size)
        staged = [
            (epoch, whole if size is None else _transforms_at(recipe.transform, network, size)[1])
            for epoch, size in sizes
        ]
    except ValueError as error:
        raise RecipeError([f"transform: {error}"], recipe.name) from error
    return values, staged


def _transforms_at(spec: TransformSpec, network: Network, size: int | None) -> tuple[Preprocessing, Transform]:
    return training_transforms(
        network.pretrained_cfg,
        spec.augment.name,
        spec.augment.options,
        image_size=size,
        mean=spec.mean,
        std=spec.std,
        crop_pct=spec.crop_pct,
        interpolation=spec.interpolation,
    )


def _need_even_shares(recipe: Recipe, world_size: int) -> None:
    """A recipe means the batch of all processes, so that their number changes nothing."""
    spec = recipe.loader
    sizes = {"loader.batch_size": spec.batch_size, "loader.head_batch_size": spec.head_batch_size}
    _raise_all(
        recipe,
        [
            f"{field} is shared evenly by {world_size} processes; got {size}"
            for field, size in sizes.items()
            if size is not None and size % world_size
        ],
    )


def _train_loader(
    recipe: Recipe, train: ImageSet, transforms: list[tuple[int, Transform]], share: dict[str, int]
) -> Loader:
    spec, first = recipe.loader, recipe.schedule.head_epochs
    early = None if spec.head_batch_size is None else (first, spec.head_batch_size // share["world_size"])
    return train_loader(
        train,
        transforms,
        seed=recipe.seed,
        early=early,
        sampling=spec.sampling,
        teacher=recipe.distillation is not None and recipe.distillation.name == "stored-logits",
        **_shared(spec, share),
    )


def _shared(spec: LoaderSpec, share: dict[str, int]) -> dict[str, Any]:
    size = spec.batch_size // share["world_size"]
    return {"batch_size": size, "workers": spec.workers, "on_bad_image": spec.on_bad_image, **share}
