"""Assemble-ResNet: TensorFlow 1's bilinear and 0..255 minus the mean."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image

from covpool.data.transforms.autoaugment import AutoAugment
from covpool.data.transforms.bilinear import Size, resize_tensorflow1
from covpool.data.transforms.distorted_box import DistortedBox
from covpool.data.transforms.geometry import Chain, Mirror, mirrored
from covpool.data.transforms.image_transform import Geometry, Step
from covpool.data.transforms.preprocessing import Preprocessing
from covpool.data.transforms.protocols.protocol import ONLY_CENTRED, Protocol

MEANS = (123.68, 116.78, 103.94)
_SOURCE = "Lee et al. 2020 (arXiv 2001.06268); preprocessing/{} of clovaai/assembled-cnn"
_BOX = DistortedBox(area=(0.05, 1.0), aspect=(0.75, 1.33), attempts=100, covered=0.1)


def resized_size(height: int, width: int, short: int) -> Size:
    """Both sides times float32(short / smaller), cut to whole numbers: the smaller may lose a pixel.

    Example:
        >>> resized_size(1200, 803, 256)
        (382, 255)
    """
    ratio = np.float32(short) / np.float32(min(height, width))
    return int(np.float32(height) * ratio), int(np.float32(width) * ratio)


@dataclass(frozen=True)
class ShortSideCrop:
    """The short side to ``short`` by TensorFlow 1's bilinear, then the central square of ``side``."""

    side: int
    short: int

    def __call__(self, image: Image.Image) -> np.ndarray:
        pixels = np.asarray(image)
        height, width = resized_size(pixels.shape[0], pixels.shape[1], self.short)
        window = ((height - self.side) // 2, (width - self.side) // 2, self.side, self.side)
        return resize_tensorflow1(pixels, (height, width), window)


@dataclass(frozen=True)
class Stretch:
    """The central ``part`` of both sides, to a square of ``side`` by TensorFlow 1's bilinear."""

    side: int
    part: float = 1.0

    def __call__(self, image: Image.Image) -> np.ndarray:
        pixels = np.asarray(image)
        top, left = (int((length - length * self.part) / 2) for length in pixels.shape[:2])
        cut = pixels[top : pixels.shape[0] - top, left : pixels.shape[1] - left]
        return resize_tensorflow1(cut, (self.side, self.side))


@dataclass(frozen=True)
class BoxMirrorResize:
    """A random box, mirrored half of the time, then to a square of ``side`` by TensorFlow 1's bilinear."""

    side: int

    def __call__(self, image: Image.Image) -> np.ndarray:
        pixels = np.asarray(image)
        top, left, height, width = _BOX(*pixels.shape[:2])
        cut = Mirror()(pixels[top : top + height, left : left + width])
        return resize_tensorflow1(np.asarray(cut), (self.side, self.side))


@dataclass(frozen=True)
class ReidCrop:
    """Half of the time a random square of the stretched, larger picture; else the picture stretched; then a flip."""

    side: int

    def __call__(self, image: Image.Image) -> np.ndarray:
        larger = round(self.side * 256 / 224)
        if torch.rand(()).item() < 0.5:
            top, left = torch.randint(larger - self.side + 1, (2,)).tolist()
            pixels = resize_tensorflow1(np.asarray(image), (larger, larger), (top, left, self.side, self.side))
        else:
            pixels = resize_tensorflow1(np.asarray(image), (self.side, self.side))
        return np.asarray(mirrored(pixels)) if torch.rand(()).item() < 0.5 else pixels


def train(preprocessing: Preprocessing, policy: str | None = None) -> Geometry:
    """A random box, flip, resize; then AutoAugment with that table on the pixels cut to whole numbers."""
    return _augmented(BoxMirrorResize(preprocessing.image_size), policy)


def reid_train(preprocessing: Preprocessing, policy: str | None = None) -> Geometry:
    """As ``train``, for retrieval: the box is a square of the stretched picture."""
    return _augmented(ReidCrop(preprocessing.image_size), policy)


def _augmented(geometry: Step, policy: str | None) -> Geometry:
    return geometry if policy is None else Chain((geometry, AutoAugment(policy)))


def wide_eval(preprocessing: Preprocessing) -> Geometry:
    """The short side to size / 0.875, the central square."""
    return ShortSideCrop(preprocessing.image_size, int(preprocessing.image_size * (1.0 / 0.875)))


def tight_eval(preprocessing: Preprocessing) -> Geometry:
    """The short side to size + 1, the central square: the types that end in 'a'."""
    return ShortSideCrop(preprocessing.image_size, preprocessing.image_size + 1)


def _values(size: int, crop_pct: float) -> Preprocessing:
    means = (MEANS[0] / 255, MEANS[1] / 255, MEANS[2] / 255)
    return Preprocessing(size, means, ONLY_CENTRED, crop_pct, "bilinear")


def _imagenet() -> Iterator[tuple[str, Protocol]]:
    kinds: dict[str, tuple[int, float, Callable[[Preprocessing], Geometry]]] = {
        "imagenet": (224, 0.875, wide_eval),
        "imagenet_224_256": (256, 0.875, wide_eval),
        "imagenet_224_256a": (256, 256 / 257, tight_eval),
    }
    for name, (size, crop_pct, geometry) in kinds.items():
        yield (
            f"assembled-{name}",
            Protocol(
                source=_SOURCE.format("imagenet_preprocessing.py"),
                summary=f"ImageNet: trained at 224; TensorFlow 1's bilinear, centre {size}",
                preprocessing=_values(size, crop_pct),
                train=train,
                eval=geometry,
                train_size=224,
            ),
        )


def _reid() -> Iterator[tuple[str, Protocol]]:
    for name, size in (("reid", 256), ("reid_224", 224)):
        yield (
            f"assembled-{name}",
            Protocol(
                source=_SOURCE.format("reid_preprocessing.py"),
                summary=f"retrieval: trained at 224; TensorFlow 1's bilinear to {size} x {size}",
                preprocessing=_values(size, 1.0),
                train=reid_train,
                eval=lambda p: Stretch(p.image_size),
                train_size=224,
            ),
        )


def _teacher() -> Iterator[tuple[str, Protocol]]:
    for size, network in ((331, "AmoebaNet-A"), (600, "EfficientNet-B7")):
        yield (
            f"assembled-inception_{size}",
            Protocol(
                source=_SOURCE.format("inception_preprocessing.py"),
                summary=f"the teacher {network}: central 87.5 %, stretched to {size}, 0..1",
                preprocessing=Preprocessing(size, (0.0, 0.0, 0.0), (1.0, 1.0, 1.0), 0.875, "bilinear"),
                train=None,
                eval=lambda p: Stretch(p.image_size, 0.875),
            ),
        )


PROTOCOLS: dict[str, Protocol] = {name: p for part in (_imagenet(), _reid(), _teacher()) for name, p in part}
