"""What is in a set and what is wrong with it, as one dictionary of JSON values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from covpool.data.images import ImageSet, ImageSource
from covpool.data.inspect.likeness import Pair, alike
from covpool.data.inspect.measuring import Chunk, Measured, Measuring
from covpool.data.inspect.thumbnails import shown
from covpool.data.prepare.parallel import in_order_of_completion

SCHEMA = "covpool-data-check/1"
_CHUNK = 64
_MOST_SHOWN = 60  # pairs, of each kind, with pictures; all are counted and listed
_MOST_LISTED = 5000
_SAMPLES = 48
_POINTS = 1500  # sizes in the scatter plot


def check(
    source: ImageSource,
    *,
    distance: int = 3,
    workers: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Read every picture of a source once and say what was found.

    Args:
        source: opened with ``val_fraction=0``, so that only its own splits are compared.
        distance: bits of 64 in which the hashes of two pictures may differ to count as the same picture; 0 to 3.
        workers: processes.
        progress: hears (pictures done, pictures in all).
    """
    sets = source.own_splits()
    measured = _measured(sets, workers, progress or (lambda done, total: None))
    everything = [one for split in sets for one in measured[split]]
    pairs = _Pairs(sets, alike(everything, distance))
    return {
        "schema": SCHEMA,
        "source": source.name,
        "description": source.description,
        "classes": source.classes,
        "splits": {split: _split(images, measured[split]) for split, images in sets.items()},
        "distance": distance,
        "leaks": pairs.listed(lambda one, other: one[0] != other[0]),
        "duplicates": pairs.listed(lambda one, other: one[0] == other[0]),
        "samples": _samples(sets, measured),
    }


def _measured(
    sets: dict[str, ImageSet], workers: int, progress: Callable[[int, int], None]
) -> dict[str, list[Measured]]:
    chunks = [
        Chunk(split, first, min(first + _CHUNK, len(images)))
        for split, images in sets.items()
        for first in range(0, len(images), _CHUNK)
    ]
    done, total = 0, sum(map(len, sets.values()))

    def tick(count: int) -> None:
        nonlocal done
        done += count
        progress(done, total)

    pieces: dict[Chunk, list[Measured]] = dict(in_order_of_completion(Measuring(sets), chunks, workers, tick))
    return {split: [one for chunk in chunks if chunk.split == split for one in pieces[chunk]] for split in sets}


def _split(images: ImageSet, measured: Sequence[Measured]) -> dict[str, Any]:
    sound = [one for one in measured if not one.broken]
    counts = np.bincount(images.labels, minlength=len(images.classes)).tolist()
    remarks = Counter(remark for one in sound for remark in one.remarks)
    return {
        "pictures": len(measured),
        "counts": counts,
        "broken": [[images.keys[place], one.broken] for place, one in enumerate(measured) if one.broken],
        "formats": dict(Counter(one.format for one in sound).most_common()),
        "remarks": dict(remarks.most_common()),
        "odd": [
            {"remark": remark, "keys": [images.keys[i] for i, one in enumerate(measured) if remark in one.remarks][:20]}
            for remark in remarks
        ],
        "bytes": sum(one.file_size for one in sound),
        "sizes": _sizes(sound),
        "channels": _channels(sound),
    }


def _sizes(sound: Sequence[Measured]) -> dict[str, Any]:
    if not sound:
        return {}
    sides = np.array([(one.width, one.height) for one in sound])
    names = ("least", "p5", "median", "p95", "most")
    columns = {"width": sides[:, 0], "height": sides[:, 1], "short_side": sides.min(1)}
    drawn = np.random.default_rng(0).permutation(len(sides))[:_POINTS]
    return {
        **{
            name: dict(zip(names, np.percentile(values, (0, 5, 50, 95, 100)).tolist(), strict=True))
            for name, values in columns.items()
        },
        "points": sides[np.sort(drawn)].tolist(),
    }


def _channels(sound: Sequence[Measured]) -> dict[str, Any]:
    """Mean and standard deviation of R, G and B from 0 to 1, every picture with the same weight."""
    if not sound:
        return {}
    mean = np.mean([one.mean for one in sound], axis=0)
    square = np.mean([one.square for one in sound], axis=0)
    return {"mean": mean.tolist(), "std": np.sqrt(np.maximum(square - mean**2, 0)).tolist()}


class _Pairs:
    """Pairs of likeness, from places among all pictures to splits and positions."""

    def __init__(self, sets: dict[str, ImageSet], pairs: Sequence[Pair]) -> None:
        self.sets, self.pairs = sets, pairs
        self.where = [(split, position) for split, images in sets.items() for position in range(len(images))]

    def listed(self, belongs: Callable[[tuple[str, int], tuple[str, int]], bool]) -> dict[str, Any]:
        """Those that belong: how many, the first of them by name, and some with pictures."""
        chosen = [pair for pair in self.pairs if belongs(self.where[pair.one], self.where[pair.other])]
        chosen.sort(key=lambda pair: (self._same_class(pair), -1 if pair.distance is None else pair.distance))
        return {
            "pairs": len(chosen),
            "pictures": len({self.where[pair.other] for pair in chosen}),
            "across_classes": sum(not self._same_class(pair) for pair in chosen),
            "equal_pixels": sum(pair.distance is None for pair in chosen),
            "listed": [[*self._keys(pair), pair.distance] for pair in chosen[:_MOST_LISTED]],
            "shown": [
                {"one": self._shown(pair.one), "other": self._shown(pair.other), "distance": pair.distance}
                for pair in chosen[:_MOST_SHOWN]
            ],
        }

    def _label(self, place: int) -> int:
        split, position = self.where[place]
        return int(self.sets[split].labels[position])

    def _same_class(self, pair: Pair) -> bool:
        return self._label(pair.one) == self._label(pair.other)

    def _keys(self, pair: Pair) -> list[str]:
        return [self.sets[split].keys[position] for split, position in (self.where[pair.one], self.where[pair.other])]

    def _shown(self, place: int) -> dict[str, Any]:
        split, position = self.where[place]
        return shown(split, self.sets[split], position)


def _samples(sets: dict[str, ImageSet], measured: dict[str, list[Measured]]) -> list[dict[str, Any]]:
    """One sound picture of each class, of the first split; of very many classes, of some spread over all."""
    if not sets:
        return []
    split, images = next(iter(sets.items()))
    first: dict[int, int] = {}
    for position, label in enumerate(images.labels.tolist()):
        if not measured[split][position].broken:
            first.setdefault(label, position)
    labels = sorted(first)
    chosen = [labels[i] for i in np.unique(np.linspace(0, len(labels) - 1, min(_SAMPLES, len(labels))).astype(int))]
    return [shown(split, images, first[label]) for label in chosen]
