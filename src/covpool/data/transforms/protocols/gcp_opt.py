"""What GCP does for optimization, and DropCov: the PyTorch, MindSpore and DeiT pipelines."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from PIL import Image
from torchvision.transforms import v2

from covpool.data.transforms.bilinear import resize_opencv
from covpool.data.transforms.erasing import Erasing
from covpool.data.transforms.geometry import (
    GOOGLENET_AREA,
    GOOGLENET_ASPECT,
    Chain,
    Mirror,
    ResizeCrop,
    crop_and_mirror,
)
from covpool.data.transforms.image_transform import Geometry
from covpool.data.transforms.lighting import Lighting
from covpool.data.transforms.preprocessing import Preprocessing
from covpool.data.transforms.protocols.protocol import IMAGENET_MEAN, ONLY_CENTRED, Protocol, imagenet_values
from covpool.data.transforms.timm_training import timm_crop_and_change

_MINDSPORE = "dataset.py of mingzeG/GCP-Optimization (MindSpore)"
_DEIT = "Wang et al. NeurIPS 2022; Transformers/main.py of mingzeG/DropCov"


@dataclass(frozen=True)
class MindSporeResizeCrop:
    """``Resize`` of the short side, ``CenterCrop``: OpenCV's bilinear, sizes and offsets rounded down."""

    preprocessing: Preprocessing

    def __call__(self, image: Image.Image) -> np.ndarray:
        side, short = self.preprocessing.image_size, self.preprocessing.resize_size
        pixels = np.asarray(image)
        height, width = pixels.shape[:2]
        longest = np.float32(max(height, width)) / np.float32(min(height, width))
        long = int(np.floor(longest * np.float32(short)))
        size = (short, long) if height < width else (long, short)
        return resize_opencv(pixels, size, ((size[0] - side) // 2, (size[1] - side) // 2, side, side))


@dataclass(frozen=True)
class MindSporeRandomCrop:
    """``RandomCropDecodeResize``: torchvision's random box, OpenCV's bilinear."""

    side: int

    def __call__(self, image: Image.Image) -> np.ndarray:
        box = v2.RandomResizedCrop(self.side, GOOGLENET_AREA, GOOGLENET_ASPECT, antialias=False)
        place = box.make_params([image])
        top, left = place["top"], place["left"]
        pixels = np.asarray(image)[top : top + place["height"], left : left + place["width"]]
        return resize_opencv(pixels, (self.side, self.side))


def _mindspore_train(preprocessing: Preprocessing) -> Geometry:
    return Chain((MindSporeRandomCrop(preprocessing.image_size), Mirror()))


def deit_train(
    preprocessing: Preprocessing, config: str = "rand-m9-mstd0.5-inc1", erasing: float = 0.25, flip: float = 0.5
) -> Geometry:
    """timm's random crop with a random interpolation, flip, RandAugment and random erasing, as DeiT trains."""
    return Chain((*timm_crop_and_change(preprocessing, config, flip), Erasing(preprocessing, erasing)))


def shufflenet_train(preprocessing: Preprocessing, jitter: float = 0.4, lighting: float = 0.1) -> Geometry:
    """``crop_and_mirror``, then brightness, contrast and saturation by up to ``jitter``, and ``Lighting``.

    The release says that it has Lighting; its deviation is not established, 0.1 is that of the paper.
    """
    return Chain((crop_and_mirror(preprocessing), v2.ColorJitter(jitter, jitter, jitter), Lighting(lighting)))


_IMAGENET = Protocol(
    source="Wang et al. CVPR 2020 and NeurIPS 2022; main.py of the PyTorch releases",
    summary="ImageNet: random resized crop; short side 256, centre 224",
    preprocessing=imagenet_values(),
    train=crop_and_mirror,
    eval=ResizeCrop,
)
_MINDSPORE_IMAGENET = Protocol(
    source=f"create_dataset2 in {_MINDSPORE}",
    summary="ImageNet by MindSpore: OpenCV's bilinear to a short side of 256, centre 224",
    preprocessing=imagenet_values(),
    train=_mindspore_train,
    eval=MindSporeResizeCrop,
)
PROTOCOLS: dict[str, Protocol] = {
    "gcp_opt-imagenet": _IMAGENET,
    "gcp_opt-shufflenet": replace(
        _IMAGENET,
        source="Wang et al. CVPR 2020; main_shufflenet.py of ZhangLi-CS/GCP_Optimization",
        summary="ImageNet: random resized crop, colours and lighting changed; short side 256, centre 224",
        train=shufflenet_train,
    ),
    "gcp_opt-mindspore": _MINDSPORE_IMAGENET,
    "gcp_opt-mindspore-resnet101": replace(
        _MINDSPORE_IMAGENET,
        source=f"create_dataset3 in {_MINDSPORE}",
        summary="the same with the mean and std of the ResNet-101 script",
        preprocessing=Preprocessing(224, (0.475, 0.451, 0.392), (0.275, 0.267, 0.278), 0.875, "bilinear"),
    ),
    "gcp_opt-mindspore-se": replace(
        _MINDSPORE_IMAGENET,
        source=f"create_dataset4 in {_MINDSPORE}",
        summary="ImageNet by MindSpore: short side 292, centre 256, minus the mean",
        preprocessing=Preprocessing(256, IMAGENET_MEAN, ONLY_CENTRED, 0.875, "bilinear"),
        train_size=224,
    ),
    "gcp_opt-deit": Protocol(
        source=_DEIT,
        summary="ImageNet as DeiT: RandAugment and erasing; bicubic to 256, centre 224",
        preprocessing=imagenet_values(interpolation="bicubic"),
        train=deit_train,
        eval=ResizeCrop,
    ),
}
ALIASES = {"gcp_opt-deit": "deit"}
