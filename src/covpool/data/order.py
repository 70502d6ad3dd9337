"""Everything random about an epoch, as pure functions of (seed, epoch, index)."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch
from torch.utils.data import Sampler

from covpool.data.sampling import Sampling, drawn


class BatchRequest(NamedTuple):
    """The pictures of one batch, asked for by the main process and answered by any worker.

    ``repeats`` tells how often each of them has come in the epoch before; None: every picture comes once.
    """

    epoch: int
    indices: np.ndarray
    repeats: np.ndarray | None = None

    def seeds(self, seed: int) -> list[int]:
        """The seed of each picture; one that comes again is augmented in another way."""
        repeats = [0] * len(self.indices) if self.repeats is None else self.repeats.tolist()
        return _seeds(seed, self.epoch, self.indices.tolist(), repeats)


def permutation(length: int, seed: int, epoch: int) -> np.ndarray:
    """The order of an epoch.

    Example:
        >>> permutation(5, seed=0, epoch=1).tolist() == permutation(5, seed=0, epoch=1).tolist()
        True
    """
    return np.random.default_rng((seed, epoch)).permutation(length)


def windowed(shards: np.ndarray, window: int, seed: int, epoch: int) -> np.ndarray:
    """The order of an epoch that needs few shards at a time: shards come shuffled, and so do the pictures of each
    ``window`` shards that follow one another.

    Args:
        shards: that of each picture.

    Example:
        >>> order = windowed(np.array([0, 0, 1, 1, 2, 2]), window=1, seed=0, epoch=0)
        >>> [len(set(pair // 2)) for pair in order.reshape(3, 2)]
        [1, 1, 1]
    """
    generator = np.random.default_rng((seed, epoch))
    numbers, places = np.unique(shards, return_inverse=True)
    turns = np.empty(len(numbers), np.int64)
    turns[generator.permutation(len(numbers))] = np.arange(len(numbers)) // window
    mixed = generator.permutation(len(shards))
    return mixed[np.argsort(turns[places[mixed]], kind="stable")]


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
        early: (epochs, batch_size) of the first epochs, where they have batches of another size.
        labels, sampling: how often a picture comes, by its class; see ``covpool.data.sampling.drawn``.
        windows: the shard of each picture, and how many shards are shuffled together; see ``windowed``.
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
        early: tuple[int, int] | None = None,
        labels: np.ndarray | None = None,
        sampling: Sampling = "each",
        windows: tuple[np.ndarray, int] | None = None,
    ) -> None:
        if windows is not None and sampling != "each":
            raise ValueError(f"sampling {sampling!r} draws from the whole set; leave out the window= of the shards")
        sizes = {batch_size} if early is None else {batch_size, early[1]}
        if min(sizes) < 1:
            raise ValueError(f"batch_size needs to be at least 1; got {min(sizes)}")
        if not 0 <= rank < world_size:
            raise ValueError(f"rank needs to be from 0 to world_size - 1; got {rank} of {world_size}")
        if drop_last and length < max(sizes) * world_size:
            batch = f"a batch of {max(sizes)}" + (f" on each of {world_size} ranks" if world_size > 1 else "")
            raise ValueError(
                f"drop_last leaves nothing: {length} pictures do not fill {batch}; "
                "lower batch_size or keep the last batch"
            )
        if 0 < length < world_size:
            raise ValueError(f"{length} pictures cannot be shared by {world_size} ranks; use fewer ranks")
        self.length, self.batch_size, self.seed, self.drop_last = length, batch_size, seed, drop_last
        self.rank, self.world_size, self.early = rank, world_size, early
        self.labels, self.sampling, self.windows = labels, sampling, windows
        self.epoch = self.start = 0

    def __len__(self) -> int:
        """Batches of a whole epoch, the same for all ranks; of the last ones, where the first are others."""
        return self._batches(self.batch_size)

    def batches(self, epoch: int) -> int:
        """Batches of that epoch."""
        return self._batches(self._size(epoch))

    def _size(self, epoch: int) -> int:
        return self.early[1] if self.early is not None and epoch < self.early[0] else self.batch_size

    def _batches(self, batch_size: int) -> int:
        full, rest = divmod(self.length, batch_size * self.world_size)
        return full if self.drop_last or (rest < self.world_size and full) else full + (rest > 0)

    def set_state(self, epoch: int, start: int = 0) -> None:
        """Choose the epoch and its first batch for the next iteration."""
        if epoch < 0 or not 0 <= start <= self.batches(epoch):
            most = self.batches(max(0, epoch))
            raise ValueError(f"needed an epoch of at least 0 and a batch from 0 to {most}; got {epoch} and {start}")
        self.epoch, self.start = epoch, start

    def __iter__(self) -> Iterator[BatchRequest]:
        epoch, count = self.epoch, self.batches(self.epoch)
        order, repeats = self._order(epoch)
        together = self._size(epoch) * self.world_size
        for number in range(self.start, count):
            is_last = number == count - 1 and not self.drop_last
            places = np.arange(number * together, self.length if is_last else (number + 1) * together)
            own = np.array_split(places, self.world_size)[self.rank]
            yield BatchRequest(epoch, order[own], None if repeats is None else repeats[own])

    def _order(self, epoch: int) -> tuple[np.ndarray, np.ndarray | None]:
        if self.seed is None:
            return np.arange(self.length), None
        if self.windows is not None:
            return windowed(*self.windows, self.seed, epoch), None
        if self.sampling == "each" or self.labels is None:
            return permutation(self.length, self.seed, epoch), None
        return drawn(self.labels, self.sampling, self.seed, epoch)


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


def sample_seed(seed: int, epoch: int, index: int, repeat: int = 0) -> int:
    """The seed of one picture of one epoch, the first time that it comes or a later one."""
    return _seeds(seed, epoch, [index], [repeat])[0]


def _seeds(seed: int, epoch: int, indices: Sequence[int], repeats: Sequence[int]) -> list[int]:
    """A hash of the numbers, of which all pictures of an epoch have the beginning in common."""
    begun, seeds = hashlib.blake2b(f"{seed} {epoch} ".encode(), digest_size=8), []
    for index, repeat in zip(indices, repeats, strict=True):
        digest = begun.copy()
        digest.update(b"%d %d" % (index, repeat) if repeat else b"%d" % index)
        seeds.append(int.from_bytes(digest.digest(), "little"))
    return seeds


def seed_sample(seed: int, epoch: int, index: int) -> None:
    """Seed torch, random and numpy (on the CPU) for one picture of one epoch."""
    seed_all(sample_seed(seed, epoch, index))


def seed_all(number: int) -> None:
    """Seed torch, random and numpy (on the CPU)."""
    torch.default_generator.manual_seed(number)  # torch.manual_seed asks every accelerator: 100 times slower
    random.seed(number)
    np.random.seed(number & 0xFFFFFFFF)
