"""The lighting of AlexNet: colours move along the principal components of those of ImageNet."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from covpool.data.transforms.image_transform import Picture

# of the colours of ImageNet in 0..1, as every script that follows Krizhevsky et al. has them
VALUES = np.array([0.2175, 0.0188, 0.0045])
VECTORS = np.array([[-0.5675, 0.7192, 0.4009], [-0.5808, -0.0045, -0.8140], [-0.5836, -0.6948, 0.4203]])


@dataclass(frozen=True)
class Lighting:
    r"""Add :math:`V (\alpha \odot \lambda)` to every pixel in 0..1, :math:`\alpha \sim N(0, deviation^2)` each.

    Source: Krizhevsky et al. NeurIPS 2012, section 4.1. Nothing is cut off at 0 or 1: it gives float32.

    Args:
        deviation: of the three numbers that are drawn for a picture; the paper's.
    """

    deviation: float = 0.1

    def __post_init__(self) -> None:
        if self.deviation < 0:
            raise ValueError(f"the deviation of lighting needs to be 0 or more; got {self.deviation}")

    def __call__(self, image: Picture) -> np.ndarray:
        drawn = torch.empty(3).normal_().numpy() * self.deviation
        shift = 255 * (VECTORS @ (drawn * VALUES))
        return np.asarray(image, np.float32) + shift.astype(np.float32)
