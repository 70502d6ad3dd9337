"""GM-SOP: small pictures minus the mean."""

from __future__ import annotations

from covpool.data.transforms.geometry import Chain, Mirror, StretchCrop
from covpool.data.transforms.image_transform import Geometry
from covpool.data.transforms.preprocessing import Preprocessing
from covpool.data.transforms.protocols.protocol import IMAGENET_MEAN, ONLY_CENTRED, Protocol


def _whole(preprocessing: Preprocessing) -> Geometry:
    """Pictures of the right size as they are; others are brought to it as the authors made their set."""
    return StretchCrop(preprocessing, preprocessing.image_size)


def _mirrored(preprocessing: Preprocessing) -> Geometry:
    return Chain((_whole(preprocessing), Mirror()))


def _protocol(size: int, interpolation: str, name: str) -> Protocol:
    return Protocol(
        source="Wang et al. NeurIPS 2018; cnn_imagenet64.m of ZilinGao/GM-SOP",
        summary=f"{name} at {size} x {size}, 0..255 minus the mean; flipped in training",
        # The release subtracts the mean of its own set, which is not in its repository: ImageNet's stands for it.
        preprocessing=Preprocessing(size, IMAGENET_MEAN, ONLY_CENTRED, 1.0, interpolation),
        train=_mirrored,
        eval=_whole,
    )


PROTOCOLS: dict[str, Protocol] = {
    "gm_sop-64": _protocol(64, "box", "downsampled ImageNet"),
    "gm_sop-100": _protocol(100, "bicubic", "Places365"),
}
