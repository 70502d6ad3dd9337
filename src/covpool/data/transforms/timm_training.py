"""Training geometry of timm, by its own configuration strings."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

from PIL import Image, ImageOps
from timm.data.transforms_factory import transforms_imagenet_train

from covpool.data.transforms.geometry import GOOGLENET_AREA, GOOGLENET_ASPECT
from covpool.data.transforms.image_transform import Step
from covpool.data.transforms.preprocessing import Preprocessing


def timm_crop_and_change(
    preprocessing: Preprocessing,
    config: str,
    flip: float = 0.5,
    scale: tuple[float, float] = GOOGLENET_AREA,
    ratio: tuple[float, float] = GOOGLENET_ASPECT,
    interpolation: str = "random",
) -> tuple[Step, Step]:
    """A random resized crop with flips, and the changes that timm's ``config`` names.

    Args:
        config: timm's spelling, such as ``rand-m9-mstd0.5-inc1`` or ``original-mstd0.5``.
        interpolation: 'random' picks bilinear or bicubic for each picture, as DeiT and timm's scripts do.

    Raises:
        ValueError: a configuration that timm does not read.
    """
    try:
        first, second, _ = transforms_imagenet_train(
            preprocessing.image_size,
            scale=tuple(scale),
            ratio=tuple(ratio),
            hflip=flip,
            auto_augment=config,
            interpolation=interpolation,
            mean=preprocessing.mean,
            std=preprocessing.std,
            separate=True,
        )
    except (AssertionError, ValueError, KeyError) as error:
        raise ValueError(f"timm reads no augmentation from {config!r}; write it as 'rand-m9-mstd0.5-inc1'") from error
    for operation in _operations(second):
        if operation.name.startswith("Posterize"):
            operation.aug_fn = posterize
    return first, second


def posterize(image: Image.Image, bits: int, **_: Any) -> Image.Image:
    """Keep the highest ``bits`` bits; none is black, for which timm's calls a Pillow that no longer takes 0."""
    if bits >= 8:
        return image
    return ImageOps.posterize(image, bits) if bits > 0 else Image.new(image.mode, image.size)


def _operations(composed: Any) -> Iterator[Any]:
    """timm's operations inside RandAugment and AugMix (``ops``) and AutoAugment (``policy``)."""
    for part in composed.transforms:
        yield from getattr(part, "ops", ())
        yield from chain.from_iterable(getattr(part, "policy", ()))
