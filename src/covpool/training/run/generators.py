"""The global random generators: their states as plain data, seeding, and leaving the caller's alone."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

import numpy as np
import torch


def generator_states() -> dict[str, Any]:
    """The states of Python's, NumPy's and torch's global generators, as plain numbers and tensors."""
    return snapshot_generators()()


def snapshot_generators() -> Callable[[], dict[str, Any]]:
    """Keep the generators' states, in microseconds; the result, called, gives them as ``generator_states`` does."""
    version, numbers, gauss = random.getstate()
    name, keys, position, has_gauss, cached = cast(tuple[Any, ...], np.random.get_state())
    cpu, cuda = torch.get_rng_state(), torch.cuda.get_rng_state_all() if torch.cuda.is_initialized() else []
    return lambda: {
        "python": [version, list(numbers), gauss],
        "numpy": [name, torch.from_numpy(keys.astype(np.int64)), position, has_gauss, cached],
        "torch": cpu,
        "cuda": cuda,
    }


def set_generator_states(states: Mapping[str, Any]) -> None:
    """Put the global generators where ``generator_states`` found them."""
    version, numbers, gauss = states["python"]
    random.setstate((version, tuple(numbers), gauss))
    name, keys, *rest = states["numpy"]
    np.random.set_state((name, keys.numpy().astype(np.uint32), *rest))
    torch.set_rng_state(states["torch"])
    if states["cuda"] and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(states["cuda"])


def seed_generators(seed: int) -> None:
    """Seed Python's, NumPy's and torch's global generators."""
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)


def rank_seed(seed: int, rank: int, step: int = 0) -> int:
    """The seed of the generators of process ``rank`` that begins at ``step``; no other process has it."""
    return int(np.random.SeedSequence([seed, rank, step]).generate_state(1, np.uint64)[0] >> 1)


@contextmanager
def isolated_generators() -> Iterator[None]:
    """Give the caller's random numbers back as they were when the block ends."""
    states = generator_states()
    try:
        yield
    finally:
        set_generator_states(states)
