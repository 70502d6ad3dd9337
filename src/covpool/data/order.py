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
    """Batches of one epoch from batch ``start`` on, for one of ``world_size`` ranks; ``set_state`` chooses which.

    Every rank sees the same order, cut into rounds of ``world_size * batch_size`` pictures, and takes its share of
    each: every picture is seen once, round n holds the same pictures however many ranks share it (of a batch size in
    proportion), and all ranks have the same number of batches. Where the last round has a picture for some ranks only,
    it joins the round before.

    Args:
        length: number of pictures.
        batch_size: pictures a batch, on one rank.
        seed: decides the order together with the epoch; None keeps the order of the set.
        drop_last: leave out a last round that is not full.
        rank, world_size: which of how many processes this is.
    """

    def __init__(
        self,
        length: int,
        batch_size: int,
        seed: int | None,
        drop_last: bool = False,
        *,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        if batch_size < 1:
            raise ValueError(f"batch_size needs to be at least 1; got {batch_size}")
        if not 0 <= rank < world_size:
            raise ValueError(f"rank needs to be from 0 to world_size - 1; got {rank} of {world_size}")
        self.round = batch_size * world_size
        if drop_last and length < self.round:
            batch = f"a batch of {batch_size}" + (f" on each of {world_size} ranks" if world_size > 1 else "")
            raise ValueError(
                f"drop_last leaves nothing: {length} pictures do not fill {batch}; "
                "lower batch_size or keep the last batch"
            )
        if 0 < length < world_size:
            raise ValueError(f"{length} pictures cannot be shared by {world_size} ranks; use fewer ranks")
        self.length, self.batch_size, self.seed, self.drop_last = length, batch_size, seed, drop_last
        self.rank, self.world_size = rank, world_size
        self.epoch = self.start = 0

    def __len__(self) -> int:
        """Batches of a whole epoch, the same for all ranks."""
        full, rest = divmod(self.length, self.round)
        return full if self.drop_last or (rest < self.world_size and full) else full + (rest > 0)

    def set_state(self, epoch: int, start: int = 0) -> None:
        """Choose the epoch and its first batch for the next iteration."""
        if epoch < 0 or not 0 <= start <= len(self):
            raise ValueError(
                f"needed an epoch of at least 0 and a batch from 0 to {len(self)}; got {epoch} and {start}"
            )
        self.epoch, self.start = epoch, start

    def __iter__(self) -> Iterator[BatchRequest]:
        epoch, count = self.epoch, len(self)
        order = np.arange(self.length) if self.seed is None else permutation(self.length, self.seed, epoch)
        for number in range(self.start, count):
            is_last = number == count - 1 and not self.drop_last
            shared = order[number * self.round : None if is_last else (number + 1) * self.round]
            yield BatchRequest(epoch, np.array_split(shared, self.world_size)[self.rank])


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


def sample_seed(seed: int, epoch: int, index: int) -> int:
    """The seed of one picture of one epoch."""
    return int.from_bytes(hashlib.blake2b(f"{seed} {epoch} {index}".encode(), digest_size=8).digest(), "little")


def seed_sample(seed: int, epoch: int, index: int) -> None:
    """Seed torch, random and numpy (on the CPU) for one picture of one epoch."""
    number = sample_seed(seed, epoch, index)
    torch.default_generator.manual_seed(number)  # torch.manual_seed asks every accelerator: 100 times slower
    random.seed(number)
    np.random.seed(number & 0xFFFFFFFF)
