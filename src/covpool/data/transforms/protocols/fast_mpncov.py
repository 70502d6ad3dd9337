"""Fast MPN-COV: ImageNet, the three fine-grained sets, and both again as the TensorFlow release computes them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image

from covpool.data.transforms.bilinear import resize_tensorflow2
from covpool.data.transforms.distorted_box import DistortedBox
from covpool.data.transforms.geometry import (
    Chain,
    Mirror,
    ResizeCrop,
    StretchCrop,
    TenCrop,
    WithMirror,
    crop_and_mirror,
    swap_channels,
)
from covpool.data.transforms.image_transform import Geometry
from covpool.data.transforms.preprocessing import Preprocessing
from covpool.data.transforms.protocols.protocol import IMAGENET_MEAN, ONLY_CENTRED, Protocol, imagenet_values

PYTORCH = "Li et al. CVPR 2018; imagepreprocess.py of jiangtaoxie/fast-MPN-COV"
TENSORFLOW = "Tensorflow-Fast-MPNCOV of XuChunqiao"
CIFAR_MEAN, CIFAR_STD = (0.507, 0.487, 0.441), (0.267, 0.256, 0.276)
_BGR_MEAN = IMAGENET_MEAN[::-1]
_AIRCRAFT = 512 / 448  # of the side that is cut
_BOX = DistortedBox(area=(0.08, 1.0), aspect=(3 / 4, 4 / 3), attempts=10)


def _stretched(ratio: float) -> Callable[[Preprocessing], Geometry]:
    return lambda p: StretchCrop(p, round(p.image_size * ratio))


@dataclass(frozen=True)
class CentreSquare:
    """The central square, ``part`` of the short side, resized as TensorFlow 2 does without anti-aliasing."""

    side: int
    part: float = 1.0

    def __call__(self, image: Image.Image) -> np.ndarray:
        pixels = np.asarray(image)
        height, width = pixels.shape[:2]
        square = max(1, int(np.float32(self.part) * np.float32(min(height, width))))
        top, left = (height - square + 1) // 2, (width - square + 1) // 2
        cut = pixels[top : top + square, left : left + square]
        return resize_tensorflow2(cut, (self.side, self.side))


@dataclass(frozen=True)
class Stretch:
    """Resized to a square of ``resized`` as TensorFlow 2 does without anti-aliasing, the central ``side`` of it."""

    side: int
    resized: int

    def __call__(self, image: Image.Image) -> np.ndarray:
        edge = (self.resized - self.side) // 2
        return resize_tensorflow2(np.asarray(image), (self.resized,) * 2, (edge, edge, self.side, self.side))


@dataclass(frozen=True)
class BoxOrCentre:
    """A random box, resized as TensorFlow 2 does; where the box is the whole picture, the evaluation's square."""

    side: int

    def __call__(self, image: Image.Image) -> np.ndarray:
        pixels = np.asarray(image)
        top, left, height, width = _BOX(*pixels.shape[:2])
        if (height, width) == pixels.shape[:2]:
            return CentreSquare(self.side, _part(self.side))(image)
        return resize_tensorflow2(pixels[top : top + height, left : left + width], (self.side, self.side))


def _part(side: int) -> float:
    return side / (side + 32)  # CROP_PADDING: 224 of 256


@dataclass(frozen=True)
class PadCrop:
    """The middle of the picture on a black square a quarter larger than the network's, and a random cut of that."""

    side: int

    def __call__(self, image: Image.Image) -> Image.Image:
        padded = round(self.side * 40 / 32)
        canvas = Image.new("RGB", (padded, padded))
        canvas.paste(image, ((padded - image.width) // 2, (padded - image.height) // 2))
        top, left = torch.randint(padded - self.side + 1, (2,)).tolist()
        return canvas.crop((left, top, left + self.side, top + self.side))


def _pytorch() -> Iterator[tuple[str, Protocol]]:
    imagenet = Protocol(
        source=PYTORCH,
        summary="ImageNet: random resized crop; short side 256, centre 224",
        preprocessing=imagenet_values(),
        train=crop_and_mirror,
        eval=ResizeCrop,
    )
    yield "imagenet", imagenet
    ten = "ImageNet: short side 256, ten crops of 224"
    yield "imagenet-10crop", replace(imagenet, summary=ten, eval=TenCrop, views=10, first_view=ResizeCrop)
    whole: dict[str, tuple[str, Callable[[Preprocessing], Geometry]]] = {
        "cub": ("CUB-200: short side 448, centre 448", ResizeCrop),
        "aircraft": ("Aircraft: stretched to 512 x 512, centre 448", _stretched(_AIRCRAFT)),
        "cars": ("Cars: stretched to 448 x 448", _stretched(1.0)),
    }
    for name, (summary, geometry) in whole.items():
        yield from _fine_grained(name, PYTORCH, summary, imagenet_values(448, 1.0), geometry)


def _fine_grained(
    name: str, source: str, summary: str, values: Preprocessing, geometry: Callable[[Preprocessing], Geometry]
) -> Iterator[tuple[str, Protocol]]:
    """One picture, and the mean of it and its mirror image."""
    single = Protocol(
        source=source,
        summary=f"{summary}; flipped in training",
        preprocessing=values,
        train=lambda preprocessing: Chain((geometry(preprocessing), Mirror())),
        eval=geometry,
    )
    yield name, single
    pair = replace(
        single,
        summary=f"{summary}; and its mirror",
        eval=lambda preprocessing: WithMirror(geometry(preprocessing)),
        views=2,
        first_view=geometry,
    )
    yield f"{name}-mirror", pair


def _tensorflow() -> Iterator[tuple[str, Protocol]]:
    yield (
        "tensorflow-imagenet",
        Protocol(
            source=f"{TENSORFLOW}, trainingFromScratch/imagenet/image_preprocess.py",
            summary="ImageNet: centre 224/256 of the short side, TensorFlow 2's bilinear to 224",
            preprocessing=imagenet_values(),
            train=lambda preprocessing: Chain((BoxOrCentre(preprocessing.image_size), Mirror())),
            eval=lambda p: CentreSquare(p.image_size, _part(p.image_size)),
        ),
    )
    whole: dict[str, tuple[str, Callable[[Preprocessing], Geometry]]] = {
        "cub": ("CUB-200: centre square, TensorFlow 2's bilinear to 448", lambda p: CentreSquare(p.image_size)),
        "aircraft": (
            "Aircraft: TensorFlow 2's bilinear to 512 x 512, centre 448",
            lambda p: Stretch(p.image_size, round(p.image_size * _AIRCRAFT)),
        ),
        "cars": ("Cars: TensorFlow 2's bilinear to 448 x 448", lambda p: Stretch(p.image_size, p.image_size)),
    }
    source = f"{TENSORFLOW}, finetune/fine_grained_benchmark/datasets.py"
    for name, (summary, geometry) in whole.items():
        yield from _fine_grained(f"tensorflow-{name}", source, summary, imagenet_values(448, 1.0), geometry)
        vgg = Preprocessing(448, _BGR_MEAN, ONLY_CENTRED, 1.0, "bilinear")
        swapped = _then_swapped(geometry)
        for title, protocol in _fine_grained(
            f"tensorflow-{name}-vgg", source, f"{summary}; BGR minus the mean", vgg, swapped
        ):
            yield title, replace(protocol, is_bgr=True)


def _then_swapped(geometry: Callable[[Preprocessing], Geometry]) -> Callable[[Preprocessing], Geometry]:
    return lambda preprocessing: Chain((geometry(preprocessing), swap_channels))


def _padded(preprocessing: Preprocessing) -> Geometry:
    return Chain((PadCrop(preprocessing.image_size), Mirror()))


def _cifar() -> Protocol:
    return Protocol(
        source=f"{TENSORFLOW}, trainingFromScratch/cifar100/cifar_dataset.py",
        summary="CIFAR-100: padded to 40, a random cut of 32, flip; evaluated as it is",
        preprocessing=Preprocessing(32, CIFAR_MEAN, CIFAR_STD, 1.0, "bilinear"),
        train=_padded,
        eval=ResizeCrop,
    )


PROTOCOLS: dict[str, Protocol] = {
    **{f"fast_mpncov-{name}": protocol for part in (_pytorch(), _tensorflow()) for name, protocol in part},
    "fast_mpncov-cifar100": _cifar(),
}
ALIASES = {"fast_mpncov-cub": "fast_mpncov-finegrained", "fast_mpncov-cub-mirror": "fast_mpncov-finegrained-mirror"}
