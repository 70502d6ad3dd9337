"""The transform of evaluation, from the values that a checkpoint keeps."""

from __future__ import annotations

from covpool.data.transforms.geometry import Chain, ResizeCrop, swap_channels
from covpool.data.transforms.image_transform import Geometry, ImageTransform
from covpool.data.transforms.preprocessing import Preprocessing
from covpool.data.transforms.protocols.table import protocols


def eval_geometry(preprocessing: Preprocessing) -> Geometry:
    """Picture -> one square of the network's size, without anything random.

    Of a protocol that judges several views of a picture this is the first.
    """
    if preprocessing.protocol is None:
        return ResizeCrop(preprocessing)
    return protocols.get(preprocessing.protocol).one_view(preprocessing)


def is_bgr(preprocessing: Preprocessing) -> bool:
    """Whether the network takes blue first; its pixels are then to be swapped before people see them.

    Example:
        >>> is_bgr(Preprocessing()), is_bgr(Preprocessing(protocol="fast_mpncov-tensorflow-cub-vgg"))
        (False, True)
    """
    return preprocessing.protocol is not None and protocols.get(preprocessing.protocol).is_bgr


def rgb_geometry(preprocessing: Preprocessing) -> Geometry:
    """``eval_geometry`` with red first, whatever the network takes: for what is done to pictures, or seen."""
    geometry = eval_geometry(preprocessing)
    return Chain((geometry, swap_channels)) if is_bgr(preprocessing) else geometry


def eval_transform(preprocessing: Preprocessing) -> ImageTransform:
    """Resize the short side to floor(size / crop_pct), cut the centre, normalise; equal to timm's evaluation.

    Where ``preprocessing.protocol`` names a published pipeline: that pipeline. One that judges V views of a picture
    gives (V, 3, S, S); ``covpool.evaluation.predict`` averages the logits of the views.

    Raises:
        UnknownName: no such protocol.

    Example:
        >>> from PIL import Image
        >>> eval_transform(Preprocessing(32, crop_pct=1.0))(Image.new("RGB", (50, 40))).shape
        torch.Size([3, 32, 32])
    """
    if preprocessing.protocol is None:
        return ImageTransform(ResizeCrop(preprocessing), preprocessing, is_random=False)
    geometry = protocols.get(preprocessing.protocol).eval(preprocessing)
    return ImageTransform(geometry, preprocessing, is_random=False)
