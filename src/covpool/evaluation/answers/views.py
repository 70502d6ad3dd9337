"""How many views of a picture are judged, and how they are cut: one crop, ten, the mirror image, or as published."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from covpool.data import ImageTransform, Preprocessing, eval_transform, protocols
from covpool.data.transforms import Geometry, ResizeCrop, eval_geometry
from covpool.data.transforms.geometry import TenCrop, WithMirror
from covpool.registry import UnknownName

VIEWS = ("1-crop", "mirror", "10-crop")


def judged_as(
    own: Preprocessing,
    protocol: str | None = None,
    *,
    image_size: int | None = None,
    crop_pct: float | None = None,
    interpolation: str | None = None,
) -> Preprocessing:
    """The preprocessing to judge by: the network's own, changed as asked.

    A published protocol brings its size and geometry; mean and std stay the network's, which its weights are made
    for. With ``crop_pct`` or ``interpolation`` a protocol of the network's own is left, because it would not follow.

    Args:
        own: what the network was trained with.
        protocol: 1-crop, mirror, 10-crop, or the name of a published one.
        image_size: instead of the network's or the protocol's; a published geometry follows in proportion.
        crop_pct: part of the resized picture that is kept.
        interpolation: bilinear, bicubic, ...

    Raises:
        ValueError: an unknown protocol, or crop and interpolation beside a published one.

    Example:
        >>> judged_as(Preprocessing(96), "threeg-imagenet-10crop").image_size
        224
    """
    cut = {"crop_pct": crop_pct, "interpolation": interpolation}
    given: dict[str, Any] = {name: value for name, value in cut.items() if value is not None}
    size: dict[str, Any] = {} if image_size is None else {"image_size": image_size}
    if protocol is None or protocol in VIEWS:
        return replace(own, **size, **given, protocol=None if given else own.protocol)
    if protocol not in protocols:
        raise UnknownName("protocol", protocol, [*VIEWS, *protocols])
    published = protocols.get(protocol).preprocessing
    if given:
        raise ValueError(
            f"the protocol {protocol!r} has its own crop and interpolation; got also {', '.join(given)}. "
            f"Leave them away, or take one of {', '.join(VIEWS)}"
        )
    return replace(published, mean=own.mean, std=own.std, **size)


def judging_transform(preprocessing: Preprocessing, protocol: str | None = None) -> ImageTransform:
    """Picture -> float32 (3, S, S), or (V, 3, S, S) where V views are judged.

    1-crop is the first view of the preprocessing's own evaluation, mirror that view and its mirror image, 10-crop
    corners and centre of the resized picture and of its mirror image; any other protocol, and none, what
    ``eval_transform`` makes of the preprocessing.

    Raises:
        ValueError: ten crops of a preprocessing whose protocol resizes in another way.

    Example:
        >>> from PIL import Image
        >>> judging_transform(Preprocessing(32), "10-crop")(Image.new("RGB", (50, 40))).shape
        torch.Size([10, 3, 32, 32])
    """
    if protocol is None or protocol not in VIEWS:
        return eval_transform(preprocessing)
    one = eval_geometry(preprocessing)
    if protocol == "10-crop" and not isinstance(one, ResizeCrop):
        raise ValueError(
            f"ten crops are cut from a picture resized by Pillow, as {preprocessing.protocol!r} does not; "
            "give a crop_pct and an interpolation to leave that protocol, or judge by its mirror"
        )
    kinds: dict[str, Geometry] = {"1-crop": one, "mirror": WithMirror(one), "10-crop": TenCrop(preprocessing)}
    return ImageTransform(kinds[protocol], preprocessing, is_random=False)
