"""A random box of the picture is replaced by noise or by the mean colour."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch

from covpool.data.transforms.image_transform import Picture
from covpool.data.transforms.preprocessing import Preprocessing

Fill = Literal["pixel", "colour", "mean"]
_ATTEMPTS = 10


@dataclass(frozen=True)
class Erasing:
    """Random erasing of one box (Zhong et al. 2020), with the draws of timm's ``RandomErasing``.

    The fill is drawn in the units that the network sees: 'pixel' is N(0, 1) noise after mean and std, 'colour' one such
    number a channel, 'mean' zero. Hence it gives float32, which the mean and std of ``preprocessing`` turn back.

    Args:
        preprocessing: mean and std of the network.
        probability: of a box; DeiT 0.25.
        fill: what the box is filled with.
        area, aspect: bounds of the box, as parts of the picture and as height / width; the paper's.
    """

    preprocessing: Preprocessing
    probability: float = 0.25
    fill: Fill = "pixel"
    area: tuple[float, float] = (0.02, 1 / 3)
    aspect: tuple[float, float] = (0.3, 1 / 0.3)

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise ValueError(f"the probability of erasing needs to be between 0 and 1; got {self.probability}")
        if self.fill not in get_args(Fill):
            raise ValueError(f"erasing fills with one of {', '.join(get_args(Fill))}; got {self.fill!r}")

    def __call__(self, image: Picture) -> np.ndarray:
        pixels = np.array(image, dtype=np.float32)
        if random.random() > self.probability:
            return pixels
        box = self._box(*pixels.shape[:2])
        if box is not None:
            top, left, height, width = box
            pixels[top : top + height, left : left + width] = self._filling(height, width)
        return pixels

    def _box(self, rows: int, columns: int) -> tuple[int, int, int, int] | None:
        low, high = (math.log(bound) for bound in self.aspect)
        for _ in range(_ATTEMPTS):
            area = random.uniform(*self.area) * rows * columns
            aspect = math.exp(random.uniform(low, high))
            height, width = round(math.sqrt(area * aspect)), round(math.sqrt(area / aspect))
            if height < rows and width < columns:
                return random.randint(0, rows - height), random.randint(0, columns - width), height, width
        return None

    def _filling(self, height: int, width: int) -> np.ndarray:
        shape = {"pixel": (3, height, width), "colour": (3, 1, 1), "mean": None}[self.fill]
        seen = torch.zeros(3, 1, 1) if shape is None else torch.empty(shape).normal_()
        p = self.preprocessing
        return (seen.permute(1, 2, 0).numpy() * p.std + p.mean).astype(np.float32) * np.float32(255)
