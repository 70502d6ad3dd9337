"""Stability along sequences of frames: flip probability, top-5 distance, mFR."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from covpool.evaluation.robustness.measures.reference import ALEXNET_FLIPS, MFR_PERTURBATIONS

_TOP = 5


@dataclass(frozen=True)
class Stability:
    """Means over videos of means over pairs of frames.

    ``flip``: how often the most likely class differs. ``top5``: the distance of the two rankings' first five.
    ``zipf``: that of the whole rankings, the upper places weighing more.
    """

    flip: float
    top5: float
    zipf: float


def compares_to_first(perturbation: str) -> bool:
    """Whether frames are compared with the first one: those of noise are no motion, each has noise of its own.

    Example:
        >>> compares_to_first("gaussian_noise_2"), compares_to_first("tilt")
        (True, False)
    """
    return "noise" in perturbation


def stability(videos: Sequence[Tensor], *, to_first: bool, difficulty: int = 1) -> Stability:
    """Stability of a network over videos, from its logits (frames, K) of each.

    Args:
        to_first: compare every frame with the first, else with the one ``difficulty`` before it (all pairs that far
            apart). The difficulties of noise are other pictures (``gaussian_noise_2``), not another stride.

    Raises:
        ValueError: no video, or one with fewer frames than a pair needs.

    Source: Hendrycks and Dietterich, ICLR 2019, section 4.2; equal to their program's numbers (golden).
    """
    if not videos:
        raise ValueError("stability() needs at least one video; got none")
    each = torch.stack([_of_video(logits, to_first, difficulty) for logits in videos])
    flip, top5, zipf = each.mean(dim=0).tolist()
    return Stability(flip, top5, zipf)


def _of_video(logits: Tensor, to_first: bool, difficulty: int) -> Tensor:
    frames, stride = len(logits), 1 if to_first else difficulty
    if frames <= stride:
        raise ValueError(f"a video needs more than {stride} frames to compare some; got {frames}")
    order = logits.argsort(dim=1, descending=True, stable=True)  # class at each place
    places = order.argsort(dim=1)  # place of each class
    before = torch.zeros(frames - 1, dtype=torch.long) if to_first else torch.arange(frames - stride)
    after = torch.arange(stride, frames)
    moved = places[after].gather(1, order[before])  # where the class of place i has gone
    flips = (moved[:, 0] != 0).double()
    top = min(_TOP, moved.shape[1])
    top5 = (torch.arange(top) - moved[:, :top].clamp(max=_TOP)).abs().sum(dim=1).double()
    weight = 1 / torch.arange(1, moved.shape[1] + 1, dtype=torch.float64)
    zipf = ((weight - weight[moved]).abs() * weight).sum(dim=1)
    return torch.stack([flips.mean(), top5.mean(), zipf.mean()])


def mfr(flips: Mapping[str, float], reference: Mapping[str, float] = ALEXNET_FLIPS) -> float | None:
    """Mean flip rate: the mean over the ten perturbations of flip probability / the reference's, in percent.

    None where one of the ten is missing. Source: ibid.
    """
    if not set(MFR_PERTURBATIONS) <= set(flips):
        return None
    return 100 * sum(flips[name] / reference[name] for name in MFR_PERTURBATIONS) / len(MFR_PERTURBATIONS)
