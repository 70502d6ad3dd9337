"""The hashes of compact bilinear pooling in the PyTorch release, which its files leave out."""

from __future__ import annotations

import re

import torch
from torch import Tensor

WIDTH = 8192  # projDim of CBP.py
SEED = 1

# Channels of the last map: of one depth, or of all depths of a family that are not named.
_CHANNELS = {
    "alexnet": 256,
    "vgg": 512,
    "resnet18": 512,
    "resnet34": 512,
    "resnet": 2048,
    "inception": 2048,
    "densenet121": 1024,
    "densenet161": 2208,
    "densenet169": 1664,
    "densenet201": 1920,
}


def is_compact_bilinear(network: str) -> bool:
    """Whether a network of this system, by its name, pools with CBP."""
    return network.endswith("-cbp")


def hashes(network: str) -> dict[str, Tensor]:
    """Bins and signs (2, C) of the pool of ``network``, as torch's generator of seed 1 draws them.

    Raw 32-bit numbers of the Mersenne twister modulo the range, in the order h_1, h_2, s_1, s_2 (CBP.py).
    """
    model = network.partition("/")[2].partition("-")[0]
    family = re.split(r"\d", model)[0]
    channels = _CHANNELS[model if model in _CHANNELS else family]
    generator = torch.Generator().manual_seed(SEED)
    bins = torch.randint(0, WIDTH, (2, channels), generator=generator)
    signs = 2 * torch.randint(0, 2, (2, channels), generator=generator) - 1
    return {"head.pool.describe.bins": bins, "head.pool.describe.signs": signs}
