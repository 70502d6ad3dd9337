"""The first number that a torch generator draws, for many seeds at once.

A generator is made for a long life: to seed one and to draw once takes 7 us; here it is 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

_STATES, _FACTOR = 397, np.uint32(1812433253)
_UPPER, _LOWER, _TWIST = np.uint32(0x80000000), np.uint32(0x7FFFFFFF), np.uint32(0x9908B0DF)


def first_draws(seeds: Sequence[int]) -> np.ndarray:
    """float32 (n,) in [0, 1): what ``torch.rand((), generator=torch.Generator().manual_seed(s))`` is for each seed.

    The recurrence of MT19937 (Matsumoto and Nishimura 1998), of which the first number needs the states 0, 1 and 397;
    seeds count modulo 2^32, as in torch.

    Example:
        >>> import torch
        >>> first_draws([0, 2**32]).tolist() == 2 * [torch.rand((), generator=torch.Generator().manual_seed(0)).item()]
        True
    """
    first = np.array(seeds, np.uint64).astype(np.uint32)
    state = second = (first ^ first >> 30) * _FACTOR + np.uint32(1)
    for number in range(2, _STATES + 1):
        state = (state ^ state >> 30) * _FACTOR + np.uint32(number)
    mixed = (first & _UPPER) | (second & _LOWER)
    drawn = _tempered(state ^ (mixed >> 1) ^ (second & 1) * _TWIST)
    return (drawn & np.uint32(0xFFFFFF)).astype(np.float32) * np.float32(2**-24)  # as many bits as a float32 has


def _tempered(y: np.ndarray) -> np.ndarray:
    y = y ^ (y >> 11)
    y = y ^ (y << 7) & np.uint32(0x9D2C5680)
    y = y ^ (y << 15) & np.uint32(0xEFC60000)
    return y ^ (y >> 18)
