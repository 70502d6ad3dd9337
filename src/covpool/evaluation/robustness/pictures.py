"""Each picture is read once and then shown under every condition."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from covpool.data import CorruptImage, ImageSet
from covpool.data.corruptions import corrupt, through_jpeg
from covpool.data.transforms.image_transform import Geometry
from covpool.data.workers import begin, interrupts_held
from covpool.evaluation.robustness.records import CLEAN, Condition
from covpool.evaluation.robustness.saving import ReleasedLayout
from covpool.stop_signals import POLITE

PART_BYTES = 160_000_000  # of squares kept at a time, over all workers: 1063 of 224 x 224


class Piece(NamedTuple):
    """Some pictures of a part under one condition: uint8 (B, S, S, 3), labels (B,), positions in the set (B,)."""

    part: int
    condition: Condition
    pixels: Tensor
    labels: Tensor
    indices: Tensor
    broken: list[CorruptImage]


def parts_of(count: int, image_size: int, memory: int = PART_BYTES) -> list[range]:
    """The positions of each part: as many pictures as ``memory`` (bytes) holds.

    Example:
        >>> parts_of(2000, 224)
        [range(0, 1062), range(1062, 2000)]
    """
    size = max(memory // (3 * image_size**2), 1)
    return [range(start, min(start + size, count)) for start in range(0, count, size)]


@dataclass
class Shown(IterableDataset):
    """Pieces of every part under its conditions; runs in workers, each with its share of every part.

    Args:
        geometry: picture -> the square that the network sees.
        todo: part -> the conditions that are missing.
        jpeg: quality of the JPEG that every corrupted square goes through, as the released ones did; 0 for none.
        layout: where corrupted squares are written, if they are.
    """

    images: ImageSet
    geometry: Geometry
    parts: Sequence[range]
    todo: Mapping[int, Sequence[Condition]]
    batch_size: int
    seed: int = 0
    jpeg: int = 85
    stop_at_broken: bool = True
    layout: ReleasedLayout | None = None

    def __iter__(self) -> Iterator[Piece]:
        info = get_worker_info()
        first, step = (0, 1) if info is None else (info.id, info.num_workers)
        for part, conditions in self.todo.items():
            rows = self.parts[part][first::step]
            if conditions and len(rows):
                yield from self._of_part(part, conditions, rows)

    def _of_part(self, part: int, conditions: Sequence[Condition], rows: range) -> Iterator[Piece]:
        squares, indices, broken = self._read(rows)
        if broken:
            yield Piece(part, CLEAN, torch.empty(0), torch.empty(0), torch.empty(0, dtype=torch.long), broken)
        if broken and self.stop_at_broken:
            return
        for condition in conditions:
            for start in range(0, len(squares), self.batch_size):
                chosen = indices[start : start + self.batch_size]
                near = squares[start : start + self.batch_size]
                shown = [self._shown(square, condition, i) for square, i in zip(near, chosen, strict=True)]
                labels = torch.from_numpy(self.images.labels[chosen])
                yield Piece(part, condition, torch.from_numpy(np.stack(shown)), labels, torch.tensor(chosen), [])

    def _read(self, rows: range) -> tuple[list[np.ndarray], list[int], list[CorruptImage]]:
        squares, indices, broken = [], [], []
        for index in rows:
            try:
                squares.append(_square(self.geometry, self.images.read(index)))
                indices.append(index)
            except CorruptImage as error:
                broken.append(CorruptImage(error.key, error.reason, error.place))
                if self.stop_at_broken:
                    break
        return squares, indices, broken

    def _shown(self, square: np.ndarray, condition: Condition, index: int) -> np.ndarray:
        if condition == CLEAN:
            return square
        key = self.images.keys[index]
        made = corrupt(square, condition.name, int(condition.level), key=key, seed=self.seed)
        if self.layout is not None:
            return self.layout.write(made, condition.name, int(condition.level), index)
        return through_jpeg(made, self.jpeg) if self.jpeg else made


def _square(geometry: Geometry, image: Image.Image) -> np.ndarray:
    """8 bits: pipelines that resize without rounding are rounded here."""
    made = np.asarray(geometry(image))
    return made if made.dtype == np.uint8 else np.clip(np.rint(made), 0, 255).astype(np.uint8)


def shown_by(pictures: Shown, workers: int) -> Iterator[Piece]:
    """The pieces, from this process or from workers; their order depends on the workers, what they hold does not."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # more workers than cores is the caller's choice
        loader = DataLoader(pictures, batch_size=None, num_workers=workers, collate_fn=_unchanged, worker_init_fn=begin)
        with interrupts_held(*POLITE):
            return iter(loader)


def _unchanged(piece: Any) -> Any:
    return piece
