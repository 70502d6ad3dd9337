"""Everything random about an epoch, as pure functions of (seed, epoch, index)."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch
from torch.utils.data import Sampler


class BatchRequest(NamedTuple):
    """The pictures of one batch, asked for by the main process and answered by any worker."""

    epoch: int
    indices: np.ndarray


def permutation(length: int, seed: int, epoch: int) -> np.ndarray:
    """The order of an epoch.

    Example:
        >>> permutation(5, seed=0, epoch=1).tolist() == permutation(5, seed=0, epoch=1).tolist()
        True
    """
    return np.random.default_rng((seed, epoch)).permutation(length)


class SampleOrder(Sampler[BatchRequest]):
    """Batches of one epoch from batch ``start`` on; ``set_state`` chooses which.

    Args:
        length: number of pictures.
        batch_size: pictures a batch.
        seed: decides the order together with the epoch; None keeps the order of the set.
        drop_last: leave out a last batch that is not full.
    """

    def __init__(self, length: int, batch_size: int, seed: int | None, drop_last: bool = False) -> None:
        if batch_size < 1:
            raise ValueError(f"batch_size needs to be at least 1; got {batch_size}")
        if drop_last and length < batch_size:
            raise ValueError(
                f"drop_last leaves nothing: {length} pictures do not fill a batch of {batch_size}; "
                "lower batch_size or keep the last batch"
            )
        self.length, self.batch_size, self.seed, self.drop_last = length, batch_size, seed, drop_last
        self.epoch = self.start = 0

    def __len__(self) -> int:
        """Batches of a whole epoch."""
        return self.length // self.batch_size if self.drop_last else -(-self.length // self.batch_size)

    def set_state(self, epoch: int, start: int = 0) -> None:
        """Choose the epoch and its first batch for the next iteration."""
        if epoch < 0 or not 0 <= start <= len(self):
            raise ValueError(
                f"needed an epoch of at least 0 and a batch from 0 to {len(self)}; got {epoch} and {start}"
            )
        self.epoch, self.start = epoch, start

    def __iter__(self) -> Iterator[BatchRequest]:
        epoch = self.epoch
        order = np.arange(self.length) if self.seed is None else permutation(self.length, self.seed, epoch)
        for number in range(self.start, len(self)):
            yield BatchRequest(epoch, order[number * self.batch_size : (number + 1) * self.batch_size])


@contextmanager
def private_random_numbers() -> Iterator[None]:
    """Whatever is drawn or seeded inside leaves the generators of this process as they were."""
    states = torch.get_rng_state(), random.getstate(), np.random.get_state()
    try:
        yield
    finally:
        torch.set_rng_state(states[0])
        random.setstate(states[1])
        np.random.set_state(states[2])


def seed_sample(seed: int, epoch: int, index: int) -> None:
    """Seed torch, random and numpy (on the CPU) for one picture of one epoch."""
    digest = hashlib.blake2b(f"{seed} {epoch} {index}".encode(), digest_size=8).digest()
    number = int.from_bytes(digest, "little")
    torch.default_generator.manual_seed(number)  # torch.manual_seed asks every accelerator: 100 times slower
    random.seed(number)
    np.random.seed(number & 0xFFFFFFFF)
