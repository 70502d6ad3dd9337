"""Perceptual hashes: pictures that look alike have hashes that differ in few bits."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from PIL import Image

SMALL = (9, 8)  # width and height of the grey picture behind a hash of 64 bits
_BANDS = 4
_ROWS = 2048
_COUNTS = np.array([bin(value).count("1") for value in range(256)], np.uint8)


def small_grey(image: Image.Image) -> np.ndarray:
    """The picture as 8 x 9 grey values, sides averaged apart."""
    return np.asarray(image.convert("L").resize(SMALL, Image.Resampling.BOX))


def difference_hash(grey: np.ndarray) -> int:
    """64 bits: whether each of 8 x 8 grey values is below its right neighbour.

    Source: dHash, N. Krawetz, "Kind of Like That", hackerfactor.com 2013.

    Example:
        >>> difference_hash(np.tile(np.arange(9, dtype=np.uint8), (8, 1))) == 2**64 - 1
        True
    """
    return int.from_bytes(np.packbits(grey[:, :-1] < grey[:, 1:]).tobytes(), "big")


def distances(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The number of bits in which uint64 hashes differ."""
    different = np.bitwise_xor(one, other)
    return _COUNTS[different[..., None].view(np.uint8)].sum(-1)


def near_pairs(hashes: np.ndarray, limit: int = 3) -> np.ndarray:
    """Positions (n, 2), first below second, of all hashes that differ in at most ``limit`` bits, found exactly.

    Two hashes that differ in at most 3 bits are equal in one of four bands of 16 bits: only pictures that share a
    band are compared.

    Args:
        hashes: uint64 (N,).
        limit: at most 3.
    """
    if not 0 <= limit < _BANDS:
        raise ValueError(f"limit needs to be from 0 to {_BANDS - 1} bits; got {limit}")
    found = [np.zeros((0, 2), np.int64)]
    for band in range(_BANDS):
        values = (hashes >> np.uint64(16 * band)).astype(np.uint16)
        for members in _groups(values):
            found += _within(hashes, members, limit)
    return np.unique(np.concatenate(found), axis=0)


def _groups(values: np.ndarray) -> Iterator[np.ndarray]:
    order = np.argsort(values, kind="stable")
    starts = np.flatnonzero(np.diff(values[order])) + 1
    yield from (group for group in np.split(order, starts) if len(group) > 1)


def _within(hashes: np.ndarray, members: np.ndarray, limit: int) -> Iterator[np.ndarray]:
    for start in range(0, len(members), _ROWS):
        rows = members[start : start + _ROWS]
        near = distances(hashes[rows][:, None], hashes[members[start:]][None, :]) <= limit
        one, other = np.nonzero(np.triu(near, 1))
        pairs = np.stack([rows[one], members[start:][other]], 1)
        yield np.sort(pairs, axis=1)
