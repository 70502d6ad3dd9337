"""What a preparation makes, decided before it starts, so that it can go on after any interruption."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from covpool.data.images import ImageSet, ImageSource

Format = Literal["shards", "tfrecord", "pixels"]
FORMATS: tuple[str, ...] = get_args(Format)
_ENDINGS = {"shards": "tar", "tfrecord": "tfrecord", "pixels": "npy"}
_LAYOUT = 1  # of what is written; a new one never continues an old one


@dataclass(frozen=True)
class Part:
    """One file: pictures of one split, by their positions in its set."""

    name: str
    split: str
    first: int
    positions: np.ndarray


@dataclass(frozen=True)
class Plan:
    """A preparation.

    Args:
        sets: split -> pictures.
        classes: name of label 0, 1, ...
        format: what to write.
        size: pixels; the short side of larger pictures, or the side of the square for 'pixels'.
        quality: of JPEGs written anew.
        per_part: pictures a file.
        seed: of the order in which training pictures are stored.
    """

    source: str
    sets: dict[str, ImageSet]
    classes: list[str]
    format: Format
    size: int | None
    quality: int
    per_part: int
    seed: int

    @property
    def pictures(self) -> int:
        """How many of all splits."""
        return sum(map(len, self.sets.values()))

    def parts(self) -> list[Part]:
        """All files. Training pictures are shuffled once: readers of shards see them nearly in stored order."""
        return [part for split in self.sets for part in self._parts(split)]

    def _parts(self, split: str) -> list[Part]:
        count = len(self.sets[split])
        order = np.random.default_rng(self.seed).permutation(count) if split == "train" else np.arange(count)
        starts = range(0, count, self.per_part)
        return [
            Part(self._name(split, n, len(starts)), split, first, order[first : first + self.per_part])
            for n, first in enumerate(starts)
        ]

    def _name(self, split: str, number: int, total: int) -> str:
        if self.format == "tfrecord":  # as the ImageNet scripts of TensorFlow name them
            kind = {"val": "validation"}.get(split, split)
            return f"{kind}-{number:05d}-of-{total:05d}"
        return f"{split}-{number:06d}.{_ENDINGS[self.format]}"

    def facts(self) -> dict[str, Any]:
        """What decides every byte of the outcome, but for the pictures themselves."""
        return {
            "layout": _LAYOUT,
            "format": self.format,
            "size": self.size,
            "quality": self.quality,
            "pictures_per_part": self.per_part,
            "seed": self.seed,
            "source": self.source,
            "splits": {split: len(images) for split, images in self.sets.items()},
            "content": self._digest(),
        }

    def _digest(self) -> str:
        digest = hashlib.sha256(json.dumps(self.classes).encode())
        for split, images in self.sets.items():
            digest.update(f"{split} {len(images)}".encode())
            digest.update(images.labels.tobytes())
            for key in images.keys:
                digest.update(key.encode("utf-8", "surrogateescape") + b"\0")
        return digest.hexdigest()


def make_plan(
    source: ImageSource,
    format: Format = "shards",
    *,
    size: int | None = None,
    quality: int = 95,
    per_part: int = 1000,
    seed: int = 0,
) -> Plan:
    """A plan for all splits of a source; a test split that serves as val is stored once, as test.

    Args:
        source: opened with ``val_fraction=0``, or drawn splits become stored ones.
        format: 'shards' (WebDataset), 'tfrecord' or 'pixels' (memory-mapped squares).
        size: see ``Plan``; 'pixels' takes 64 where it is None, the size of downsampled ImageNet.
        quality: of JPEGs written anew.
        per_part: 1000 pictures of ImageNet are about 110 MB, what readers of shards like best.
        seed: of the stored order of training pictures.

    Raises:
        ValueError: an unknown format or a number out of range.
    """
    mistakes = []
    if format not in FORMATS:
        mistakes.append(f"format needs to be one of {', '.join(FORMATS)}; got {format!r}")
    if size is not None and not 1 <= size <= 1 << 14:
        mistakes.append(f"size needs to be from 1 to 16384 pixels; got {size}")
    if not 1 <= quality <= 100:
        mistakes.append(f"quality needs to be from 1 to 100; got {quality}")
    if per_part < 1:
        mistakes.append(f"pictures per part need to be at least 1; got {per_part}")
    if mistakes:
        raise ValueError("; ".join(mistakes))
    sets = {split: images for split, images in source.own_splits().items() if len(images)}
    side = 64 if size is None and format == "pixels" else size
    return Plan(source.name, sets, source.classes, format, side, quality, per_part, seed)
