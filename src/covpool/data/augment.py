"""Random changes of training pictures, by name."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from PIL import Image
from torchvision.transforms import v2

from covpool.data.transforms import ImageTransform, Preprocessing, ResizeCrop
from covpool.registry import Registry, check_options

Geometry = Callable[[Image.Image], Image.Image]


@dataclass(frozen=True)
class Augmentation:
    """``build(preprocessing, **options)`` gives picture -> picture of the network's size."""

    build: Callable[..., Geometry]
    summary: str
    is_random: bool = True


@dataclass(frozen=True)
class Chain:
    """One geometry after the other."""

    steps: tuple[Geometry, ...]

    def __call__(self, image: Image.Image) -> Image.Image:
        for step in self.steps:
            image = step(image)
        return image


# Mirror and Shift exist in torchvision; on pictures of 28 pixels its dispatch costs ten times the work itself.


@dataclass(frozen=True)
class Mirror:
    """Left becomes right with ``probability``."""

    probability: float

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise ValueError(f"the probability of a flip needs to be between 0 and 1; got {self.probability}")

    def __call__(self, image: Image.Image) -> Image.Image:
        if self.probability and torch.rand(()).item() < self.probability:
            return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        return image


@dataclass(frozen=True)
class Shift:
    """The picture moved by up to ``padding`` pixels each way; grey ``fill`` comes in from the sides."""

    padding: int
    fill: int

    def __post_init__(self) -> None:
        if self.padding < 0 or not 0 <= self.fill <= 255:
            raise ValueError(
                f"a shift needs a padding of at least 0 and a fill of 0 to 255; got {self.padding} and {self.fill}"
            )

    def __call__(self, image: Image.Image) -> Image.Image:
        right, down = torch.randint(-self.padding, self.padding + 1, (2,)).tolist()
        moved = Image.new("RGB", image.size, (self.fill,) * 3)
        moved.paste(image, (right, down))
        return moved


def no_augmentation(preprocessing: Preprocessing) -> Geometry:
    """The evaluation geometry."""
    return ResizeCrop(preprocessing)


def flip(preprocessing: Preprocessing, probability: float = 0.5) -> Geometry:
    """The evaluation geometry, mirrored with ``probability``."""
    return Chain((ResizeCrop(preprocessing), Mirror(probability)))


def crop(
    preprocessing: Preprocessing,
    scale: Sequence[float] = (0.08, 1.0),
    ratio: Sequence[float] = (3 / 4, 4 / 3),
    flip: float = 0.5,
) -> Geometry:
    """A random part of the picture at a random aspect, resized; then mirrored with probability ``flip``.

    ``scale`` is the part's area, ``ratio`` its aspect; defaults of GoogLeNet's training (Szegedy et al. 2015),
    which the ImageNet recipes use. Small sets of small pictures want ``scale=(0.6, 1)`` or 'shift'.
    """
    return Chain((_resized_crop(preprocessing, scale, ratio), Mirror(flip)))


def shift(preprocessing: Preprocessing, padding: int | None = None, flip: float = 0.0, fill: int = 0) -> Geometry:
    """The evaluation geometry, padded by ``padding`` pixels of grey ``fill`` and cut at a random place.

    For small pictures. ``padding=None`` is 1/14 of the side: 2 at 28 pixels.
    """
    padding = max(1, round(preprocessing.image_size / 14)) if padding is None else padding
    return Chain((ResizeCrop(preprocessing), Shift(padding, fill), Mirror(flip)))


def randaugment(
    preprocessing: Preprocessing,
    operations: int = 2,
    magnitude: int = 9,
    scale: Sequence[float] = (0.08, 1.0),
    ratio: Sequence[float] = (3 / 4, 4 / 3),
    flip: float = 0.5,
) -> Geometry:
    """'crop', then ``operations`` random changes of colour or shape at ``magnitude`` 0..30 (Cubuk et al. 2020)."""
    grey = [round(255 * value) for value in preprocessing.mean]
    random = v2.RandAugment(operations, magnitude, interpolation=v2.InterpolationMode.BILINEAR, fill=grey)
    return Chain((_resized_crop(preprocessing, scale, ratio), Mirror(flip), random))


def _resized_crop(p: Preprocessing, scale: Sequence[float], ratio: Sequence[float]) -> v2.RandomResizedCrop:
    return v2.RandomResizedCrop(
        p.image_size, scale=tuple(scale), ratio=tuple(ratio), interpolation=p.mode, antialias=True
    )


augmentations: Registry[Augmentation] = Registry("augmentation")
augmentations.register("none", Augmentation(no_augmentation, "resize and centre crop, as in evaluation", False))
augmentations.register("flip", Augmentation(flip, "resize, centre crop, mirror"))
augmentations.register("crop", Augmentation(crop, "random resized crop, mirror"))
augmentations.register("shift", Augmentation(shift, "pad and crop at a random place, for small pictures"))
augmentations.register("randaugment", Augmentation(randaugment, "random resized crop, mirror, RandAugment"))


def train_transform(preprocessing: Preprocessing, augment_name: str, **options: Any) -> ImageTransform:
    """Picture -> float32 (3, S, S) through the augmentation of that name with its options.

    Raises:
        UnknownName: no such augmentation.
        ValueError: options that it does not have.

    Example:
        >>> transform = train_transform(Preprocessing(28), "shift", padding=3)
        >>> transform(Image.new("RGB", (28, 28))).shape
        torch.Size([3, 28, 28])
    """
    augmentation = augmentations.get(augment_name)
    mistakes = check_options("augmentation", augment_name, augmentation.build, options, given=["preprocessing"])
    if mistakes:
        raise ValueError("; ".join(mistakes))
    geometry = augmentation.build(preprocessing, **options)
    return ImageTransform(geometry, preprocessing, augmentation.is_random)
