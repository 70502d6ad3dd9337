"""What stands between a stored map and a linear classifier: projection and pool, or the control of a row."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from covpool.pooling import create_pool, pools
from covpool.recipes import Choice
from covpool.studies.vectors import as_convolution, fit_projection, pooled_vectors

logger = logging.getLogger("covpool")

Maps = NDArray[np.float32]
Rows = NDArray[np.int64]


def reduction(choice: Choice, channels: int, most: int | None) -> int | None:
    """Channels that PCA keeps: what the choice says as ``reduce_to``, else at most ``most`` for a second-order pool.

    None: no PCA. With all channels kept, PCA turns the axes: the variances of a covariance's entries then differ as
    those of the directions do, which the scaling of the vectors can use.

    Example:
        >>> reduction(Choice("isqrt"), 320, 128), reduction(Choice("isqrt"), 112, 128)
        (128, 112)
    """
    default = most if pools.get(choice.name).order == 2 else None
    wanted = choice.options.get("reduce_to", default)
    return None if wanted is None else min(int(wanted), channels)


def row_chain(choice: Choice, maps: Maps, rows: Rows, most: int | None) -> nn.Sequential:
    """Projection by PCA of the training descriptors, where the row is reduced, then the pool as it is created."""
    channels = maps.shape[1]
    parts: OrderedDict[str, nn.Module] = OrderedDict()
    keep = reduction(choice, channels, most)
    if keep is not None:
        parts["reduce"] = as_convolution(fit_projection(maps, rows, keep))
    parts["pool"] = create_pool(choice.name, keep or channels, **_pool_options(choice))
    learned = sum(p.numel() for name, p in parts["pool"].named_parameters() if name != "summarize.p")
    if learned:
        logger.warning(
            "%s has %d parameters that a network would learn; frozen features leave them as they are drawn. "
            "Compare end to end to judge it",
            choice,
            learned,
        )
    return nn.Sequential(parts)


def control_chain(choice: Choice, maps: Maps, rows: Rows, most: int | None, device: torch.device) -> nn.Sequential:
    """The width-matched control of ``choice``: average of all channels, standardised, expanded at random to its length.

    Standardised channel by channel on the training pictures, so that every channel reaches the random directions.
    """
    channels = maps.shape[1]
    seen = reduction(choice, channels, most) or channels
    width = create_pool(choice.name, seen, **_pool_options(choice)).out_features
    average = create_pool("avg", channels)
    means = pooled_vectors(average, maps, rows, device)
    standardize = Standardize(means.mean(0), means.std(0))
    expand = create_pool("avg-expand", channels, width=width, learned=False)
    return nn.Sequential(OrderedDict(pool=average, standardize=standardize, expand=expand))


def _pool_options(choice: Choice) -> Mapping[str, Any]:
    return {key: value for key, value in choice.options.items() if key != "reduce_to"}


class Standardize(nn.Module):
    """(B, C) -> (B, C, 1, 1), each channel with the given mean and deviation removed."""

    mean: Tensor
    scale: Tensor

    def __init__(self, mean: Tensor, deviation: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("scale", 1 / deviation.clamp_min(1e-6 * float(deviation.max()) + 1e-30))

    def forward(self, x: Tensor) -> Tensor:
        return ((x - self.mean) * self.scale)[:, :, None, None]
