"""3G-Net: ImageNet and Places365."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from covpool.data.transforms.geometry import ResizeCrop, TenCrop, crop_and_mirror
from covpool.data.transforms.protocols.protocol import Protocol, imagenet_values

_IMAGENET = Protocol(
    source="Wang et al. CVPR 2019; Train-ImageNet.py of csqlwang/3G-Net",
    summary="ImageNet: random resized crop; short side 256, centre 224",
    preprocessing=imagenet_values(),
    train=crop_and_mirror,
    eval=ResizeCrop,
)
_PLACES = replace(
    _IMAGENET,
    source="Wang et al. CVPR 2019; Train-Places365.py of csqlwang/3G-Net",
    summary="Places365: random resized crop; short side 256, centre 224",
)
_TEN: dict[str, Any] = {"eval": TenCrop, "views": 10, "first_view": ResizeCrop}

PROTOCOLS: dict[str, Protocol] = {
    "threeg-imagenet": _IMAGENET,
    "threeg-imagenet-10crop": replace(
        _IMAGENET, summary="ImageNet: ten crops; the release has no script for it", **_TEN
    ),
    "threeg-places365": _PLACES,
    "threeg-places365-10crop": replace(
        _PLACES,
        source="Wang et al. CVPR 2019; Test-Places365-10-Crop.py of csqlwang/3G-Net",
        summary="Places365: short side 256, ten crops of 224, as published",
        **_TEN,
    ),
}
