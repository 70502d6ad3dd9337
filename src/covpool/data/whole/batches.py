"""Batches that need no picture of its own: gathered from an array, mirrored, scaled.

What a Pillow picture, a geometry and a stack of samples cost is ten times what the arithmetic does. The numbers are
those of the slow way, bit by bit.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import torch
from torch import Tensor

from covpool.data.images import ImageSet
from covpool.data.order import BatchRequest
from covpool.data.transforms.geometry import Chain, Mirror, ResizeCrop
from covpool.data.transforms.image_transform import ImageTransform
from covpool.data.whole.first_draws import first_draws

_TOGETHER = 16  # pictures that are scaled at once: what fits the cache at 64 px
_FORESEEN = 4096  # pictures whose mirroring is drawn at once: 7 us each alone


class WholeBatches:
    """What :meth:`foreseen` makes of a request -> images float32 (n, 3, S, S); threads may share it.

    Args:
        images: a set that has ``planes``.
        transform: resizing that has nothing to do, and at most one mirroring; see :func:`whole_batches`.
        probability: of that mirroring.
        seed: of the augmentation.
    """

    def __init__(self, images: ImageSet, transform: ImageTransform, probability: float, seed: int) -> None:
        self.images, self.transform, self.probability, self.seed = images, transform, probability, seed

    def foreseen(self, requests: Iterable[BatchRequest]) -> Iterator[tuple[BatchRequest, np.ndarray]]:
        """Each request with which of its pictures Mirror would have mirrored, drawn as it draws."""
        for together in _grouped(requests):
            ends = np.cumsum([len(request.indices) for request in together])
            mirrored = np.zeros(ends[-1], bool)
            if self.probability:
                seeds = [seed for request in together for seed in request.seeds(self.seed)]
                mirrored = first_draws(seeds) < self.probability
            yield from zip(together, np.split(mirrored, ends[:-1]), strict=True)

    def __call__(self, request: BatchRequest, mirrored: np.ndarray) -> Tensor:
        planes = self.images.planes(request.indices)
        assert planes is not None  # whole_batches() has asked
        if self.probability:
            planes[mirrored] = _flipped(planes[mirrored])
        pixels = torch.from_numpy(planes)
        out = torch.from_numpy(np.empty(pixels.shape, np.float32))  # numpy asks for huge pages: a third of the time
        for start in range(0, len(out), _TOGETHER):
            part = slice(start, start + _TOGETHER)
            self.transform.scale(out[part].copy_(pixels[part]))
        return out


def _grouped(requests: Iterable[BatchRequest]) -> Iterator[list[BatchRequest]]:
    """Requests that follow one another, together for a few thousand pictures."""
    group: list[BatchRequest] = []
    for request in requests:
        group.append(request)
        if sum(len(one.indices) for one in group) >= _FORESEEN:
            yield group
            group = []
    if group:
        yield group


def _flipped(planes: np.ndarray) -> np.ndarray:
    """Left becomes right; eight pixels at a time where the width allows it, as numpy reverses bytes one by one."""
    if planes.shape[-1] % 8:
        return planes[..., ::-1]
    return planes.view(np.uint64)[..., ::-1].byteswap().view(np.uint8)


def whole_batches(images: ImageSet, transform: Any, seed: int) -> WholeBatches | None:
    """The short way for this set and transform; None where there is none and pictures are made one by one."""
    if not isinstance(transform, ImageTransform) or not len(images):
        return None
    planes = images.planes(np.array([0]))
    if planes is None:
        return None
    probabilities = _mirrorings(transform.geometry, planes.shape[-2:])
    if probabilities is None or len(probabilities) > 1:
        return None
    return WholeBatches(images, transform, sum(probabilities), seed)


def _mirrorings(geometry: Any, size: tuple[int, ...]) -> list[float] | None:
    """Probabilities of the mirrorings in a geometry that else leaves such pictures alone; None for any other."""
    if isinstance(geometry, Mirror):
        return [geometry.probability] if geometry.probability else []
    if isinstance(geometry, ResizeCrop):
        p = geometry.preprocessing
        return [] if size == (p.image_size, p.image_size) and p.resize_size == p.image_size else None
    if isinstance(geometry, Chain):
        steps = [_mirrorings(step, size) for step in geometry.steps]
        return None if any(step is None for step in steps) else [p for step in steps if step for p in step]
    return None
