"""Stored maps -> pooled vectors: projection by PCA, the pools themselves, all in chunks of bounded memory."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

CHUNK = 64  # pictures read at a time
PCA_DESCRIPTORS = 100_000  # enough for 2048 channels (50 a channel); more changes nothing visible


def chunks(maps: NDArray[np.float32], rows: NDArray[np.int64]) -> Iterator[tuple[slice, Tensor]]:
    """(where, maps) of consecutive parts of ``rows``."""
    edges = [*range(0, len(rows), CHUNK), len(rows)]
    for start, end in pairwise(edges):
        yield slice(start, end), torch.from_numpy(np.ascontiguousarray(maps[rows[start:end]]))


def fit_projection(maps: NDArray[np.float32], rows: NDArray[np.int64], keep: int) -> Tensor:
    r"""The ``keep`` leading principal directions of the descriptors x at all positions, as rows (keep, C).

    Eigenvectors of :math:`\frac1n \sum x x^\top - \mu \mu^\top`, of the largest eigenvalues first.
    With more than 100,000 descriptors, as many positions of each picture as fit are drawn with a fixed seed; with
    more pictures than that, equally spaced ones are used. Computed in float64; signs make the largest entry positive.
    """
    rng = np.random.default_rng(0)
    rows = rows[:: max(1, len(rows) // PCA_DESCRIPTORS)]
    channels, positions = maps.shape[1], maps.shape[2] * maps.shape[3]
    quota = min(positions, max(1, PCA_DESCRIPTORS // len(rows)))
    total, outer, count = torch.zeros(channels, dtype=torch.float64), None, 0
    for _, part in chunks(maps, rows):
        drawn = torch.from_numpy(np.sort(rng.permutation(positions)[:quota]))
        descriptors = part.flatten(2)[:, :, drawn].movedim(1, 2).reshape(-1, channels).double()
        total += descriptors.sum(0)
        product = descriptors.T @ descriptors
        outer = product if outer is None else outer + product
        count += len(descriptors)
    assert outer is not None
    mean = total / count
    directions = torch.linalg.eigh(outer / count - torch.outer(mean, mean)).eigenvectors.flip(1)[:, :keep].T
    largest = directions.gather(1, directions.abs().argmax(1, keepdim=True))
    return (directions * largest.sign()).float()


def as_convolution(projection: Tensor) -> nn.Conv2d:
    """The 1x1 convolution without bias that applies a projection (R, C) to maps."""
    layer = nn.Conv2d(projection.shape[1], projection.shape[0], 1, bias=False)
    layer.weight = nn.Parameter(projection[:, :, None, None].clone(), requires_grad=False)
    return layer


@torch.no_grad()
def pooled_vectors(pool: nn.Module, maps: NDArray[np.float32], rows: NDArray[np.int64], device: torch.device) -> Tensor:
    """``pool`` (and what goes before it) over the maps at ``rows``: float32 (rows, D) on the CPU."""
    pool.to(device).eval()
    vectors: Tensor | None = None
    for where, part in chunks(maps, rows):
        pooled = pool(part.to(device)).float().cpu()
        if vectors is None:
            need_memory(len(rows), pooled.shape[1])
            vectors = torch.empty(len(rows), pooled.shape[1])
        vectors[where] = pooled
    assert vectors is not None
    return vectors


def need_memory(pictures: int, width: int) -> None:
    """ValueError where vectors of that many pictures, and a copy of most of them, exceed the machine's memory."""
    need = 2 * 4 * pictures * width
    have = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else float("inf")
    if need > 0.8 * have:
        raise ValueError(
            f"vectors of {width} numbers for {pictures} pictures need {need / 1e9:.1f} GB; the machine has "
            f"{have / 1e9:.1f} GB. Reduce the channels, as in isqrt(reduce_to=64), or use fewer pictures"
        )
