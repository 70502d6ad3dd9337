"""The random boxes of ``tf.image.sample_distorted_bounding_box``."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

Box = tuple[int, int, int, int]  # top, left, height, width


@dataclass(frozen=True)
class DistortedBox:
    """(height, width) of a picture -> a random box in it; the whole picture where all attempts fail.

    TensorFlow draws the aspect evenly (torchvision: its logarithm), then the height evenly between the heights of the
    smallest and the largest area of that aspect (torchvision: the area evenly), and then asks that the box covers
    ``covered`` of the object. Where the object is the whole picture, ``covered`` is thus the true lower bound.

    Args:
        area: of the box, as parts of the picture's.
        aspect: width / height.
        attempts: boxes that are tried.
        covered: least part of the picture, which stands for the object, in the box.
    """

    area: tuple[float, float]
    aspect: tuple[float, float]
    attempts: int = 100
    covered: float = 0.1

    def __call__(self, height: int, width: int) -> Box:
        for _ in range(self.attempts):
            low, high = self.aspect
            aspect = torch.rand(()).item() * (high - low) + low
            box = self._box(height, width, aspect)
            if box is not None and box[2] * box[3] >= self.covered * height * width:
                return box
        return 0, 0, height, width

    def _box(self, height: int, width: int, aspect: float) -> Box | None:
        smallest, largest = (part * height * width for part in self.area)
        tallest = min(_tallest(largest, aspect, width), height)
        side = min(round(math.sqrt(smallest / aspect)), tallest)
        side += _below(tallest - side + 1)
        if side * round(side * aspect) < smallest:
            side += 1
        if side * round(side * aspect) > largest:
            side -= 1
        across = round(side * aspect)
        if not (smallest <= side * across <= largest and 0 < side <= height and 0 < across <= width):
            return None
        top = _below(height - side) if side < height else 0  # TensorFlow never reaches the last place
        left = _below(width - across) if across < width else 0
        return top, left, side, across


def _tallest(largest: float, aspect: float, width: int) -> int:
    side = round(math.sqrt(largest / aspect))
    if round(side * aspect) > width:
        side = int((width + 0.5 - 1e-7) / aspect)
        side -= round(side * aspect) > width
    return side


def _below(bound: int) -> int:
    return int(torch.randint(bound, ()).item())
