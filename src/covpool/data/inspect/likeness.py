"""Pictures that are in a set twice, and pictures of one split that are in another too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from covpool.data.inspect.hashing import near_pairs
from covpool.data.inspect.measuring import Measured

_GREY_APART = 10.0  # mean grey levels between two 9 x 8 pictures: re-encoded and resized copies stay below 4
_FLAT = 8  # levels between the darkest and the lightest: in a flat picture a hash is noise


@dataclass(frozen=True)
class Pair:
    """Two pictures by their place among all; ``distance`` in bits, None where the pixels are equal."""

    one: int
    other: int
    distance: int | None


def alike(measured: Sequence[Measured], limit: int = 3) -> list[Pair]:
    """Pairs of sound pictures with equal pixels, or whose hashes differ in at most ``limit`` bits.

    A pair by hash must also be alike in grey: periodic textures share hashes without being alike.
    """
    sound = np.array([place for place, one in enumerate(measured) if not one.broken], np.int64)
    return [*_equal(measured, sound), *_near(measured, sound, limit)]


def _equal(measured: Sequence[Measured], sound: np.ndarray) -> list[Pair]:
    """Each copy with the first of its kind: n copies make n - 1 pairs."""
    first: dict[bytes, int] = {}
    pairs = []
    for place in sound.tolist():
        earlier = first.setdefault(measured[place].digest, place)
        if earlier != place:
            pairs.append(Pair(earlier, place, None))
    return pairs


def _near(measured: Sequence[Measured], sound: np.ndarray, limit: int) -> list[Pair]:
    if not len(sound):
        return []
    grey = np.stack([np.frombuffer(measured[place].grey, np.uint8) for place in sound])
    has_form = np.flatnonzero(np.ptp(grey, axis=1) >= _FLAT)
    grey, places = grey[has_form].astype(np.int16), sound[has_form]
    hashes = np.array([measured[place].hash for place in places], np.uint64)
    pairs = near_pairs(hashes, limit)
    apart = np.abs(grey[pairs[:, 0]] - grey[pairs[:, 1]]).mean(1) if len(pairs) else np.zeros(0)
    chosen = places[pairs[apart <= _GREY_APART]]
    return [
        Pair(one, other, (measured[one].hash ^ measured[other].hash).bit_count())
        for one, other in chosen.tolist()
        if measured[one].digest != measured[other].digest
    ]
