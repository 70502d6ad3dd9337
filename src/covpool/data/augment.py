"""Random changes of training pictures, by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from PIL import Image
from torchvision.transforms import v2

from covpool.data.transforms.autoaugment import AutoAugment
from covpool.data.transforms.erasing import Erasing, Fill
from covpool.data.transforms.evaluation import eval_geometry
from covpool.data.transforms.geometry import GOOGLENET_AREA, GOOGLENET_ASPECT, Chain, Mirror, resized_crop
from covpool.data.transforms.image_transform import Geometry, ImageTransform, Picture
from covpool.data.transforms.preprocessing import Preprocessing, preprocessing_for
from covpool.data.transforms.protocols.table import ALIASES, protocols
from covpool.data.transforms.timm_training import timm_crop_and_change
from covpool.registry import Registry, check_options


@dataclass(frozen=True)
class Augmentation:
    """``build(preprocessing, **options)`` gives picture -> picture of the network's size."""

    build: Callable[..., Geometry]
    summary: str
    is_random: bool = True


@dataclass(frozen=True)
class Shift:
    """The picture moved by up to ``padding`` pixels each way; grey ``fill`` comes in from the sides.

    torchvision can do it too; on pictures of 28 pixels its dispatch costs ten times the work itself.
    """

    padding: int
    fill: int

    def __post_init__(self) -> None:
        if self.padding < 0 or not 0 <= self.fill <= 255:
            raise ValueError(
                f"a shift needs a padding of at least 0 and a fill of 0 to 255; got {self.padding} and {self.fill}"
            )

    def __call__(self, image: Picture) -> Picture:
        right, down = torch.randint(-self.padding, self.padding + 1, (2,)).tolist()
        if not isinstance(image, Image.Image):
            edge = self.padding
            padded = np.pad(image, ((edge, edge), (edge, edge), (0, 0)), constant_values=self.fill)
            return padded[edge - down :, edge - right :][: image.shape[0], : image.shape[1]]
        moved = Image.new("RGB", image.size, (self.fill,) * 3)
        moved.paste(image, (right, down))
        return moved


def no_augmentation(preprocessing: Preprocessing) -> Geometry:
    """The evaluation geometry."""
    return eval_geometry(preprocessing)


def flip(preprocessing: Preprocessing, probability: float = 0.5) -> Geometry:
    """The evaluation geometry, mirrored with ``probability``."""
    return Chain((eval_geometry(preprocessing), Mirror(probability)))


def crop(
    preprocessing: Preprocessing,
    scale: Sequence[float] = GOOGLENET_AREA,
    ratio: Sequence[float] = GOOGLENET_ASPECT,
    flip: float = 0.5,
) -> Geometry:
    """A random part of the picture at a random aspect, resized; then mirrored with probability ``flip``.

    ``scale`` is the part's area, ``ratio`` its aspect; defaults of GoogLeNet's training (Szegedy et al. 2015),
    which the ImageNet recipes use. Small sets of small pictures want ``scale=(0.6, 1)`` or 'shift'.
    """
    return Chain((resized_crop(preprocessing, scale, ratio), Mirror(flip)))


def shift(preprocessing: Preprocessing, padding: int | None = None, flip: float = 0.0, fill: int = 0) -> Geometry:
    """The evaluation geometry, padded by ``padding`` pixels of grey ``fill`` and cut at a random place.

    For small pictures. ``padding=None`` is 1/14 of the side: 2 at 28 pixels.
    """
    padding = max(1, round(preprocessing.image_size / 14)) if padding is None else padding
    return Chain((eval_geometry(preprocessing), Shift(padding, fill), Mirror(flip)))


def randaugment(
    preprocessing: Preprocessing,
    operations: int = 2,
    magnitude: int = 9,
    scale: Sequence[float] = GOOGLENET_AREA,
    ratio: Sequence[float] = GOOGLENET_ASPECT,
    flip: float = 0.5,
) -> Geometry:
    """'crop', then ``operations`` random changes of colour or shape at ``magnitude`` 0..30 (Cubuk et al. 2020)."""
    grey = [round(255 * value) for value in preprocessing.mean]
    random = v2.RandAugment(operations, magnitude, interpolation=v2.InterpolationMode.BILINEAR, fill=grey)
    return Chain((resized_crop(preprocessing, scale, ratio), Mirror(flip), random))


def autoaugment(
    preprocessing: Preprocessing,
    policy: str = "imagenet",
    scale: Sequence[float] = GOOGLENET_AREA,
    ratio: Sequence[float] = GOOGLENET_ASPECT,
    flip: float = 0.5,
) -> Geometry:
    """'crop', then AutoAugment with a table of Assemble-ResNet: imagenet, good, v0, test (Cubuk et al. 2019)."""
    return Chain((resized_crop(preprocessing, scale, ratio), Mirror(flip), AutoAugment(policy)))


def timm(
    preprocessing: Preprocessing,
    config: str = "rand-m9-mstd0.5-inc1",
    scale: Sequence[float] = GOOGLENET_AREA,
    ratio: Sequence[float] = GOOGLENET_ASPECT,
    flip: float = 0.5,
    interpolation: str = "random",
    erasing: float = 0.0,
    fill: Fill = "pixel",
) -> Geometry:
    """timm's random resized crop and flip, the changes that its ``config`` names, and random erasing.

    ``config`` is timm's spelling of RandAugment ('rand-m9-mstd0.5-inc1', that of DeiT), AutoAugment ('original',
    'v0', ...), AugMix or 3-Augment ('3a').
    """
    low, high = scale
    narrow, wide = ratio
    steps = timm_crop_and_change(preprocessing, config, flip, (low, high), (narrow, wide), interpolation)
    return Chain((*steps, Erasing(preprocessing, erasing, fill))) if erasing else Chain(steps)


def erase(
    preprocessing: Preprocessing,
    probability: float = 0.25,
    fill: Fill = "pixel",
    scale: Sequence[float] = GOOGLENET_AREA,
    ratio: Sequence[float] = GOOGLENET_ASPECT,
    flip: float = 0.5,
) -> Geometry:
    """'crop', then with ``probability`` a random box becomes noise ('pixel'), a colour, or the mean."""
    return Chain((resized_crop(preprocessing, scale, ratio), Mirror(flip), Erasing(preprocessing, probability, fill)))


augmentations: Registry[Augmentation] = Registry("augmentation")
augmentations.register("none", Augmentation(no_augmentation, "resize and centre crop, as in evaluation", False))
augmentations.register("flip", Augmentation(flip, "resize, centre crop, mirror"))
augmentations.register("crop", Augmentation(crop, "random resized crop, mirror"))
augmentations.register("shift", Augmentation(shift, "pad and crop at a random place, for small pictures"))
augmentations.register("randaugment", Augmentation(randaugment, "random resized crop, mirror, RandAugment"))
augmentations.register("autoaugment", Augmentation(autoaugment, "random resized crop, mirror, AutoAugment"))
augmentations.register("timm", Augmentation(timm, "what a configuration string of timm names"))
augmentations.register("erase", Augmentation(erase, "random resized crop, mirror, random erasing"))
for _name in protocols.names():
    _train = protocols.get(_name).train
    if _train is not None:
        _entry = Augmentation(_train, f"training of {protocols.get(_name).summary}")
        augmentations.register(_name, _entry, aliases=[ALIASES[_name]] if _name in ALIASES else ())


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


def training_transforms(
    pretrained_cfg: Mapping[str, Any], augment_name: str, options: Mapping[str, Any], **wanted: Any
) -> tuple[Preprocessing, ImageTransform]:
    """The preprocessing of evaluation and the transform of training that an augmentation's name asks for.

    The name of a protocol decides both: its own size, mean and std (unless ``wanted`` gives others), and the size of
    training in the published proportion. Any other name keeps what ``pretrained_cfg`` says.

    Args:
        pretrained_cfg: timm's values of the network.
        options: of the augmentation.
        wanted: ``image_size``, ``mean``, ``std``, ``crop_pct``, ``interpolation``; None leaves a value as it is.

    Raises:
        ValueError: wrong names or options, or a ``crop_pct`` or ``interpolation`` beside a protocol.
    """
    if augment_name not in protocols:
        preprocessing = preprocessing_for(pretrained_cfg, **wanted)
        return preprocessing, train_transform(preprocessing, augment_name, **options)
    given = {name: value for name, value in wanted.items() if value is not None}
    ignored = [name for name in ("crop_pct", "interpolation") if name in given]
    if ignored:
        raise ValueError(f"protocol {augment_name!r} brings its own {' and '.join(ignored)}; leave them out")
    protocol = protocols.get(augment_name)
    preprocessing = replace(protocol.preprocessing, **given)
    return preprocessing, train_transform(protocol.for_training(preprocessing), augment_name, **options)
