"""A picture -> what a network sees."""

from covpool.data.transforms.autoaugment import AutoAugment
from covpool.data.transforms.erasing import Erasing
from covpool.data.transforms.evaluation import eval_geometry, eval_transform
from covpool.data.transforms.geometry import Chain, Mirror, ResizeCrop
from covpool.data.transforms.image_transform import Geometry, ImageTransform, Picture
from covpool.data.transforms.mixing import mixings
from covpool.data.transforms.preprocessing import Preprocessing, preprocessing_for
from covpool.data.transforms.protocols import Protocol, protocols

__all__ = [
    "AutoAugment",
    "Chain",
    "Erasing",
    "Geometry",
    "ImageTransform",
    "Mirror",
    "Picture",
    "Preprocessing",
    "Protocol",
    "ResizeCrop",
    "eval_geometry",
    "eval_transform",
    "mixings",
    "preprocessing_for",
    "protocols",
]
