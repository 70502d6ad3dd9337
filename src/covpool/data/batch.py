"""What a loader hands out."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Batch(NamedTuple):
    """images (B, 3, H, W) float32, labels (B,) int64, indices (B,) int64 into the set."""

    images: Tensor
    labels: Tensor
    indices: Tensor


class TaughtBatch(NamedTuple):
    """A batch with what a teacher said of its pictures, logits (B, L) float32; of a loader that is asked for it."""

    images: Tensor
    labels: Tensor
    indices: Tensor
    teacher: Tensor
