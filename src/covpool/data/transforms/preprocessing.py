"""A picture -> what a network sees: preprocessing values and the evaluation transform."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms import InterpolationMode
from torchvision.transforms.v2 import functional as F

_MODES = {
    "nearest": InterpolationMode.NEAREST,
    "bilinear": InterpolationMode.BILINEAR,
    "bicubic": InterpolationMode.BICUBIC,
    "lanczos": InterpolationMode.LANCZOS,
    "box": InterpolationMode.BOX,
    "hamming": InterpolationMode.HAMMING,
}
_LONGEST = 20  # sides; a longer strip is cut first, or its resized copy would fill the memory


@dataclass(frozen=True)
class Preprocessing:
    """How pictures are prepared for a network; plain values that are stored in checkpoints.

    Example:
        >>> p = Preprocessing(image_size=28, mean=(0.5,) * 3, std=(0.5,) * 3, crop_pct=1.0)
        >>> Preprocessing.from_dict(p.to_dict()) == p
        True
    """

    image_size: int = 224
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)  # of ImageNet, as are the other defaults
    std: tuple[float, ...] = (0.229, 0.224, 0.225)
    crop_pct: float = 0.875
    interpolation: str = "bicubic"

    def __post_init__(self) -> None:
        for name in ("mean", "std"):
            object.__setattr__(self, name, tuple(float(value) for value in getattr(self, name)))
        mistakes = self._mistakes()
        if mistakes:
            raise ValueError("; ".join(mistakes))

    def _mistakes(self) -> list[str]:
        found = []
        if isinstance(self.image_size, bool) or not isinstance(self.image_size, int) or self.image_size < 1:
            found.append(f"image_size needs to be a whole number of at least 1; got {self.image_size!r}")
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) != 3:
                found.append(f"{name} needs 3 numbers, one a channel; got {values}")
        if any(value <= 0 for value in self.std):
            found.append(f"std needs positive numbers; got {self.std}")
        if not 0 < self.crop_pct <= 1:
            found.append(f"crop_pct needs to be above 0 and at most 1; got {self.crop_pct}")
        if self.interpolation not in _MODES:
            found.append(f"interpolation needs to be one of {', '.join(_MODES)}; got {self.interpolation!r}")
        return found

    @property
    def resize_size(self) -> int:
        """Short side before the centre crop, rounded down as timm does."""
        return math.floor(self.image_size / self.crop_pct)

    @property
    def mode(self) -> InterpolationMode:
        return _MODES[self.interpolation]

    def to_dict(self) -> dict[str, Any]:
        """JSON and YAML values; ``from_dict`` gives the same back."""
        return {**asdict(self), "mean": list(self.mean), "std": list(self.std)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Preprocessing:
        """The inverse of ``to_dict``; ValueError for a key that does not belong."""
        known = [field.name for field in fields(cls)]
        strange = [key for key in values if key not in known]
        if strange:
            raise ValueError(f"preprocessing has no {', '.join(map(repr, strange))}; it has {', '.join(known)}")
        return cls(**values)


def preprocessing_for(
    pretrained_cfg: Mapping[str, Any],
    *,
    image_size: int | None = None,
    mean: tuple[float, ...] | None = None,
    std: tuple[float, ...] | None = None,
    crop_pct: float | None = None,
    interpolation: str | None = None,
) -> Preprocessing:
    """The preprocessing that a timm ``pretrained_cfg`` asks for; arguments that are given override it.

    Example:
        >>> preprocessing_for({"input_size": (3, 288, 288), "crop_pct": 0.95}, image_size=256).resize_size
        269
    """
    height, width = pretrained_cfg.get("input_size", (3, 224, 224))[1:]
    if image_size is None and height != width:
        raise ValueError(f"the network's input is {height} x {width}, not square; give image_size")
    given = {"mean": mean, "std": std, "crop_pct": crop_pct, "interpolation": interpolation}
    asked: dict[str, Any] = {
        name: pretrained_cfg.get(name) if value is None else value for name, value in given.items()
    }
    chosen = {name: value for name, value in asked.items() if value is not None}
    if chosen.get("interpolation") == "random":  # timm: any mode in training, bilinear in evaluation
        chosen["interpolation"] = "bilinear"
    return Preprocessing(image_size=height if image_size is None else image_size, **chosen)


class ImageTransform:
    """A picture -> float32 (3, S, S): geometry on the picture, then mean and std on its pixels.

    Loaders call the two halves apart: ``pixels`` a picture, ``normalize`` a batch. The values are the same.

    Args:
        geometry: picture -> RGB picture of S x S pixels.
        preprocessing: gives mean, std and S.
        is_random: whether ``geometry`` draws random numbers.
    """

    def __init__(
        self, geometry: Callable[[Image.Image], Image.Image], preprocessing: Preprocessing, is_random: bool
    ) -> None:
        self.geometry, self.preprocessing, self.is_random = geometry, preprocessing, is_random
        self._mean = torch.tensor(preprocessing.mean).view(3, 1, 1)
        self._std = torch.tensor(preprocessing.std).view(3, 1, 1)

    def pixels(self, image: Image.Image) -> np.ndarray:
        """uint8 (S, S, 3)."""
        return np.asarray(self.geometry(image))

    def normalize(self, pixels: Tensor) -> Tensor:
        """uint8 (..., S, S, 3) -> float32 (..., 3, S, S), by /255, mean and std."""
        scaled = pixels.movedim(-1, -3).to(torch.float32, memory_format=torch.contiguous_format).div_(255)
        return scaled.sub_(self._mean).div_(self._std)

    def __call__(self, image: Image.Image) -> Tensor:
        return self.normalize(torch.from_numpy(self.pixels(image).copy()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.geometry!r}, {self.preprocessing!r})"


@dataclass(frozen=True)
class ResizeCrop:
    """Resize so that the short side is ``resize_size``, then cut the central square. Small pictures grow."""

    preprocessing: Preprocessing

    def __call__(self, image: Image.Image) -> Image.Image:
        p = self.preprocessing
        strip = _LONGEST * min(image.size)
        if max(image.size) > strip:
            image = F.center_crop(image, [min(image.height, strip), min(image.width, strip)])
        if min(image.size) != p.resize_size:
            image = F.resize(image, [p.resize_size], interpolation=p.mode, antialias=True)
        if image.size == (p.image_size, p.image_size):
            return image
        return F.center_crop(image, [p.image_size, p.image_size])


def eval_transform(preprocessing: Preprocessing) -> ImageTransform:
    """Resize the short side to floor(size / crop_pct), cut the centre, normalise; equal to timm's evaluation.

    Example:
        >>> eval_transform(Preprocessing(32, crop_pct=1.0))(Image.new("RGB", (50, 40))).shape
        torch.Size([3, 32, 32])
    """
    return ImageTransform(ResizeCrop(preprocessing), preprocessing, is_random=False)
