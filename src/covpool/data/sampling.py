"""Which pictures an epoch shows where not every picture counts the same: pure functions of (seed, epoch)."""

from __future__ import annotations

from typing import Literal

import numpy as np

Sampling = Literal["each", "balanced", "square-root", "pairs"]


def drawn(labels: np.ndarray, sampling: Sampling, seed: int, epoch: int) -> tuple[np.ndarray, np.ndarray]:
    """The order of an epoch of as many pictures as there are labels, and how often each has come before in it.

    - 'balanced': every class as often as any other;
    - 'square-root': every class in proportion to the square root of its number of pictures (Mahajan et al. 2018);
    - 'pairs': every picture once, beside another of its class, as losses of pairs need it;
    - 'each': every picture once.

    Of a class that comes more often than it has pictures, each comes equally often, to one; of one that comes less
    often, the epoch has a part without repetition. What does not divide evenly goes to classes drawn anew each epoch.

    Example:
        >>> order, repeats = drawn(np.array([0, 0, 0, 0, 0, 1]), "balanced", seed=0, epoch=0)
        >>> np.array([0, 0, 0, 0, 0, 1])[order].sum(), sorted(repeats[order == 5].tolist())
        (np.int64(3), [0, 1, 2])
    """
    generator = np.random.default_rng((seed, epoch))
    members = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    if sampling == "pairs":
        order = _paired(members, generator)
    elif sampling == "each":
        order = generator.permutation(len(labels))
    else:
        counts = np.array([len(group) for group in members], float)
        shares = _shares(counts**0.5 if sampling == "square-root" else np.ones_like(counts), len(labels), generator)
        chosen = [_cycled(group, share, generator) for group, share in zip(members, shares, strict=True)]
        order = generator.permutation(np.concatenate(chosen))
    return order, _repeats(order)


def _shares(weights: np.ndarray, total: int, generator: np.random.Generator) -> np.ndarray:
    """Whole numbers in proportion to ``weights`` whose sum is ``total``; the largest remainders get one more."""
    exact = total * weights / weights.sum()
    shares = np.floor(exact + 1e-9).astype(int)
    remainders = exact - shares + 1e-6 * generator.random(len(weights))  # equal ones in an order drawn anew
    shares[np.argsort(-remainders)[: total - shares.sum()]] += 1
    return shares


def _cycled(group: np.ndarray, count: int, generator: np.random.Generator) -> np.ndarray:
    rounds = [generator.permutation(group) for _ in range(-(-count // len(group)))]
    return np.concatenate([np.zeros(0, int), *rounds])[:count]


def _paired(members: list[np.ndarray], generator: np.random.Generator) -> np.ndarray:
    """Pairs of one class in a shuffled order, and at the end the pictures that are left over, shuffled."""
    mixed = [generator.permutation(group) for group in members]
    pairs = np.concatenate([group[: len(group) // 2 * 2].reshape(-1, 2) for group in mixed])
    alone = np.concatenate([group[len(group) // 2 * 2 :] for group in mixed])
    return np.concatenate([generator.permutation(pairs).reshape(-1), generator.permutation(alone)])


def _repeats(order: np.ndarray) -> np.ndarray:
    """How often each entry has come before."""
    by_value = np.argsort(order, kind="stable")
    ranked = order[by_value]
    repeats = np.empty(len(order), int)
    repeats[by_value] = np.arange(len(order)) - np.searchsorted(ranked, ranked)
    return repeats
