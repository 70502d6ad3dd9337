"""Geometry on a picture, then mean and std on its pixels."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from covpool.data.transforms.preprocessing import Preprocessing

Picture: TypeAlias = "Image.Image | np.ndarray"
Geometry = Callable[[Image.Image], Picture]
Step = Callable[[Any], Picture]


class ImageTransform:
    """A picture -> float32 (3, S, S): geometry on the picture, then mean and std on its pixels.

    Loaders call the two halves apart: ``pixels`` a picture, ``normalize`` a batch. The values are the same.

    Args:
        geometry: picture -> RGB picture of S x S pixels, or an array (S, S, 3) of uint8 or of float32 in 0..255, for
            resizing that does not round; or several views of it (V, S, S, 3), which give (V, 3, S, S).
        preprocessing: gives mean and std.
        is_random: whether ``geometry`` draws random numbers.
    """

    def __init__(self, geometry: Geometry, preprocessing: Preprocessing, is_random: bool) -> None:
        self.geometry, self.preprocessing, self.is_random = geometry, preprocessing, is_random
        mean, std = torch.tensor(preprocessing.mean, dtype=torch.float64), torch.tensor(preprocessing.std).double()
        self._only_centred = all(abs(value * 255 - 1) < 1e-9 for value in preprocessing.std)
        self._mean = (mean * 255 if self._only_centred else mean).float().view(3, 1, 1)
        self._std = std.float().view(3, 1, 1)

    def pixels(self, image: Image.Image) -> np.ndarray:
        """uint8 or float32 (S, S, 3) in 0..255, or (V, S, S, 3)."""
        return np.asarray(self.geometry(image))

    def normalize(self, pixels: Tensor) -> Tensor:
        """Pixels (..., S, S, 3) -> float32 (..., 3, S, S), by /255, mean and std.

        Where std is 1/255, as for networks that are fed 0..255 minus the mean, the mean is taken away from 0..255 at
        once: the numbers of the frameworks that do so, to the last bit.
        """
        values = pixels.movedim(-1, -3).to(torch.float32, memory_format=torch.contiguous_format, copy=True)
        return self.scale(values)

    def scale(self, values: Tensor) -> Tensor:
        """The arithmetic of ``normalize`` in place, on float32 (..., 3, S, S) in 0..255."""
        if self._only_centred:
            return values.sub_(self._mean)
        return values.div_(255).sub_(self._mean).div_(self._std)

    def __call__(self, image: Image.Image) -> Tensor:
        return self.normalize(torch.from_numpy(self.pixels(image).copy()))

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.geometry!r}, {self.preprocessing!r})"
