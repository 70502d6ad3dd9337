"""Steps from a picture to the square that a network sees, with Pillow's resizing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from covpool.data.transforms.image_transform import Geometry, Picture, Step
from covpool.data.transforms.preprocessing import Preprocessing

_LONGEST = 20  # sides; a longer strip is cut first, or its resized copy would fill the memory
GOOGLENET_AREA, GOOGLENET_ASPECT = (0.08, 1.0), (3 / 4, 4 / 3)  # Szegedy et al. 2015; torchvision's defaults


@dataclass(frozen=True)
class Chain:
    """One step after the other."""

    steps: tuple[Step, ...]

    def __call__(self, image: Picture) -> Picture:
        for step in self.steps:
            image = step(image)
        return image


def swap_channels(image: Picture) -> np.ndarray:
    """RGB to BGR, and back."""
    return np.ascontiguousarray(np.asarray(image)[..., ::-1])


@dataclass(frozen=True)
class Mirror:
    """Left becomes right with ``probability``.

    torchvision can do it too; on pictures of 28 pixels its dispatch costs ten times the work itself.
    """

    probability: float = 0.5

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise ValueError(f"the probability of a flip needs to be between 0 and 1; got {self.probability}")

    def __call__(self, image: Picture) -> Picture:
        if self.probability and torch.rand(()).item() < self.probability:
            return mirrored(image)
        return image


def mirrored(image: Picture) -> Picture:
    """Left becomes right."""
    if isinstance(image, Image.Image):
        return image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return np.ascontiguousarray(image[..., ::-1, :])


@dataclass(frozen=True)
class ResizeCrop:
    """Resize so that the short side is ``resize_size``, then cut the central square. Small pictures grow."""

    preprocessing: Preprocessing

    def __call__(self, image: Image.Image) -> Image.Image:
        p = self.preprocessing
        image = short_side(image, p.resize_size, p)
        if image.size == (p.image_size, p.image_size):
            return image
        return F.center_crop(image, [p.image_size, p.image_size])


@dataclass(frozen=True)
class StretchCrop:
    """Resize to a square of ``side`` whatever the aspect, then cut the central square of the network's size."""

    preprocessing: Preprocessing
    side: int

    def __call__(self, image: Image.Image) -> Image.Image:
        p = self.preprocessing
        if image.size != (self.side, self.side):
            image = F.resize(image, [self.side, self.side], interpolation=p.mode, antialias=True)
        return F.center_crop(image, [p.image_size, p.image_size]) if self.side != p.image_size else image


@dataclass(frozen=True)
class TenCrop:
    """The short side to ``resize_size``; corners and centre, then those of the mirrored picture: (10, S, S, 3).

    The order is top left, top right, bottom left, bottom right, centre: torchvision's.
    """

    preprocessing: Preprocessing

    def __call__(self, image: Image.Image) -> np.ndarray:
        p = self.preprocessing
        resized = short_side(image, p.resize_size, p)
        return np.stack([np.asarray(crop) for crop in F.ten_crop(resized, [p.image_size, p.image_size])])


@dataclass(frozen=True)
class WithMirror:
    """What ``geometry`` makes and its mirror image: (2, S, S, 3)."""

    geometry: Geometry

    def __call__(self, image: Image.Image) -> np.ndarray:
        plain = self.geometry(image)
        return np.stack([np.asarray(plain), np.asarray(mirrored(plain))])


def short_side(image: Image.Image, side: int, p: Preprocessing) -> Image.Image:
    """The whole picture with that short side; of a strip, its middle 20 squares."""
    strip = _LONGEST * min(image.size)
    if max(image.size) > strip:
        image = F.center_crop(image, [min(image.height, strip), min(image.width, strip)])
    if min(image.size) == side:
        return image
    return F.resize(image, [side], interpolation=p.mode, antialias=True)


def resized_crop(
    p: Preprocessing, scale: Sequence[float] = GOOGLENET_AREA, ratio: Sequence[float] = GOOGLENET_ASPECT
) -> v2.RandomResizedCrop:
    """A random part of the picture, of area ``scale`` and aspect ``ratio``, resized to the network's size."""
    return v2.RandomResizedCrop(
        p.image_size, scale=tuple(scale), ratio=tuple(ratio), interpolation=p.mode, antialias=True
    )


def crop_and_mirror(preprocessing: Preprocessing) -> Geometry:
    """The training geometry of most ImageNet code: a random resized crop of torchvision's defaults, and a flip."""
    return Chain((resized_crop(preprocessing), Mirror()))
