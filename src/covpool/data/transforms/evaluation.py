"""The transform of evaluation, from the values that a checkpoint keeps."""

from __future__ import annotations

from covpool.data.transforms.geometry import ResizeCrop
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
