"""Many exchanges of neighbouring pixels, one after the other, without a loop over pixels.

A loop over pixels decides, for every place, which pixel of the picture ends there. Each step takes over what an earlier
step left somewhere, so the steps form chains; following all chains at once, in strides that double, gives the same
answer to the last pixel in a dozen array operations.
"""

from __future__ import annotations

import numpy as np


def visited(height: int, width: int, reach: int) -> np.ndarray:
    """Flat positions of the pixels that a step is made for, in the order of the steps, (rows, columns).

    From bottom right to top left, so far inside that ``reach`` never leaves the picture; empty where it is too small.
    """
    cells = np.arange(height * width).reshape(height, width)
    return cells[reach + 1 : height - reach + 1, reach + 1 : width - reach + 1][::-1, ::-1]


def copied(height: int, width: int, target: np.ndarray, source: np.ndarray) -> np.ndarray:
    """Where each pixel comes from after ``picture[target[t]] = picture[source[t]]`` for t = 0, 1, ...

    This is what the loop of the released program does: its "swap" of two numpy views copies the second over the first.

    Args:
        target: flat positions in falling order, each once.
        source: flat positions.

    Returns:
        (height * width,) flat positions in the picture before.

    Example:
        >>> copied(1, 4, np.array([2, 1, 0]), np.array([3, 2, 1])).tolist()  # the last pixel wanders to the left
        [3, 3, 3, 3]
    """
    places = np.arange(height * width)
    origin, is_target = places.copy(), np.zeros(height * width, bool)
    origin[target], is_target[target] = source, True
    # a place that was written earlier is a target further on in the picture; it hands on what it was given
    follows = is_target & is_target[origin] & (origin > places)
    return origin[_ends(np.where(follows, origin, places))]


def swapped(height: int, width: int, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Where each pixel comes from after exchanging the pixels at ``first[t]`` and ``second[t]`` for t = 0, 1, ...

    The local shuffling that the paper describes. Arguments and result as in ``copied``, in any order.

    Example:
        >>> swapped(1, 3, np.array([2, 1]), np.array([1, 0])).tolist()
        [2, 0, 1]
    """
    differ = first != second
    cells = np.stack([first[differ], second[differ]], axis=1).ravel()  # touches 2t and 2t + 1 belong to exchange t
    touches = np.arange(len(cells))
    by_cell = np.argsort(cells, kind="stable")
    again = np.zeros(len(cells), bool)
    again[1:] = cells[by_cell][1:] == cells[by_cell][:-1]
    before = np.full(len(cells), -1)  # the touch of the same cell before this one
    before[by_cell[again]] = by_cell[np.flatnonzero(again) - 1]
    partner = touches ^ 1  # after an exchange a cell holds what its partner held
    follows = before[partner] >= 0
    ends = _ends(np.where(follows, before[partner], touches))
    result = np.arange(height * width)
    last = by_cell[~np.roll(again, -1)]  # the first touch is never a second one, so it ends the last cell's
    result[cells[last]] = cells[partner[ends[last]]]
    return result


def _ends(following: np.ndarray) -> np.ndarray:
    """The end of the chain i -> following[i] -> ... for every i; an end follows itself."""
    while True:
        further = following[following]
        if np.array_equal(further, following):
            return following
        following = further
