"""Mixtures of the pictures of a batch and of their targets: mixup of types 1 and 2, mixup, CutMix.

Functions take what was drawn (lambda, the box); the mixers of ``mixings`` draw it from a generator, so that a batch is
a pure function of its pictures and a seed. Targets are soft, (B, K).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from covpool.data.transforms.distorted_box import Box
from covpool.registry import Registry


class Mixed(NamedTuple):
    """Pictures (B', 3, H, W) and their soft targets (B', K)."""

    images: Tensor
    targets: Tensor


def soft_targets(labels: Tensor, classes: int, smoothing: float = 0.0) -> Tensor:
    """Labels (B,) -> (B, K): 1 - smoothing at the label, and smoothing / K everywhere.

    Example:
        >>> soft_targets(torch.tensor([1]), 2, smoothing=0.5).tolist()
        [[0.25, 0.75]]
    """
    hard = functional.one_hot(labels, classes).float()
    return hard * (1 - smoothing) + smoothing / classes


def mixup_type1(values: Tensor, lam: Tensor) -> Tensor:
    """The first half of the batch mixed with the second, row by row: lam x1 + (1 - lam) x2.

    Source: Assemble-ResNet, data_util.py; it reads 2B pictures for a batch of B.
    For pictures, targets and a teacher's answers alike.

    Shape: values (2B, ...), lam (B,), one of each pair -> (B, ...)

    Example:
        >>> mixup_type1(torch.tensor([1.0, 3.0]), torch.tensor([0.25])).tolist()
        [2.5]
    """
    first, second = _halves(values)
    return _mix(first, second, lam)


def mixup_type2(values: Tensor, lam: Tensor, other: Tensor) -> Tensor:
    """``mixup_type1``, and then the first half mixed with the second in reverse order by ``other``.

    Source: Assemble-ResNet, data_util.py. See ``mixup_type2_teacher`` for what it does to a teacher's answers.

    Shape: values (B, ...), lam (B/2,), other (B/2,) -> (B, ...)
    """
    first, second = _halves(values)
    return torch.cat([_mix(first, second, lam), _mix(first, second.flip(0), other)])


def mixup_type2_teacher(targets: Tensor, teacher: Tensor, lam: Tensor, other: Tensor) -> Tensor:
    """What the release makes of a teacher's answers in type 2: later rows mix the LABEL with the other's answer.

    A mistake of data_util.py:154, kept for training as published; ``mixup_type2(teacher, ...)`` is what was meant.
    """
    first, second = _halves(teacher)
    label, _ = _halves(targets)
    return torch.cat([_mix(first, second, lam), _mix(label, second.flip(0), other)])


def mixup(values: Tensor, lam: float | Tensor) -> Tensor:
    """lam x + (1 - lam) x of the batch in reverse order; of one number, or of one a row.

    Source: Zhang et al. ICLR 2018; the partner is timm's.
    """
    share = torch.as_tensor(lam, dtype=values.dtype, device=values.device).expand(len(values))
    return _mix(values, values.flip(0), share)


def cutmix(images: Tensor, targets: Tensor, box: Box) -> Mixed:
    """``box`` of each picture is that of its partner in reverse order; targets in the proportion of areas.

    Source: Yun et al. ICCV 2019; the partner is timm's.
    """
    top, left, height, width = box
    pasted = images.clone()
    inside = (..., slice(top, top + height), slice(left, left + width))
    pasted[inside] = images.flip(0)[inside]
    lam = 1 - height * width / (images.shape[-1] * images.shape[-2])
    return Mixed(pasted, mixup(targets, lam))


def cutmix_box(height: int, width: int, lam: float, generator: torch.Generator | None = None) -> Box:
    """A box of area 1 - lam about a random place, cut at the edges of the picture.

    As published, half a side is rounded down on both sides of the place; later versions of timm keep odd sides.
    """
    part = (1 - lam) ** 0.5
    high, wide = int(height * part), int(width * part)
    y, x = (int(torch.randint(bound, (), generator=generator).item()) for bound in (height, width))
    top, bottom = (min(max(place, 0), height) for place in (y - high // 2, y + high // 2))
    left, right = (min(max(place, 0), width) for place in (x - wide // 2, x + wide // 2))
    return top, left, bottom - top, right - left


def draw_lambda(alpha: float, count: int, generator: torch.Generator | None = None) -> Tensor:
    """``count`` numbers of Beta(alpha, alpha), float32; a pure function of the generator's state."""
    seed = int(torch.randint(2**62, (), generator=generator).item())
    return torch.from_numpy(np.random.default_rng(seed).beta(alpha, alpha, count)).float()


@dataclass(frozen=True)
class HalvesMixup:
    """``mixup_type1``, or ``mixup_type2`` where ``doubled``: one lambda of Beta(alpha, alpha) a result.

    alpha is 0.2 in the release, without a flag for it. Type 1 gives half as many pictures as it takes.
    """

    alpha: float = 0.2
    doubled: bool = False

    def __call__(self, images: Tensor, targets: Tensor, generator: torch.Generator | None = None) -> Mixed:
        half = len(images) // 2
        lam = draw_lambda(self.alpha, half, generator).to(images.device)
        if not self.doubled:
            return Mixed(mixup_type1(images, lam), mixup_type1(targets, lam))
        other = draw_lambda(self.alpha, half, generator).to(images.device)
        return Mixed(mixup_type2(images, lam, other), mixup_type2(targets, lam, other))


@dataclass(frozen=True)
class MixupOrCutmix:
    """One lambda a batch, for ``mixup`` or, with probability ``switch``, for ``cutmix``: DeiT's, timm's mode 'batch'.

    Args:
        mixup: alpha of mixup; 0: never. DeiT 0.8.
        cutmix: alpha of CutMix; 0: never. DeiT 1.0.
        probability: of mixing a batch at all.
        switch: probability of CutMix where both are on.
    """

    mixup: float = 0.8
    cutmix: float = 1.0
    probability: float = 1.0
    switch: float = 0.5

    def __post_init__(self) -> None:
        if min(self.mixup, self.cutmix) < 0 or self.mixup == self.cutmix == 0:
            raise ValueError(f"mixing needs an alpha above 0; got mixup {self.mixup} and cutmix {self.cutmix}")

    def __call__(self, images: Tensor, targets: Tensor, generator: torch.Generator | None = None) -> Mixed:
        happens, kind = torch.rand(2, generator=generator).tolist()
        if happens >= self.probability:
            return Mixed(images, targets)
        cuts = self.cutmix > 0 and (self.mixup == 0 or kind < self.switch)
        lam = draw_lambda(self.cutmix if cuts else self.mixup, 1, generator).item()
        if not cuts:
            return Mixed(mixup(images, lam), mixup(targets, lam))
        return cutmix(images, targets, cutmix_box(images.shape[-2], images.shape[-1], lam, generator))


def _halves(values: Tensor) -> tuple[Tensor, Tensor]:
    if len(values) % 2:
        raise ValueError(f"mixup by halves needs an even batch; got {len(values)} rows. Drop the last of them")
    first, second = values.chunk(2)
    return first, second


def _mix(one: Tensor, other: Tensor, lam: Tensor) -> Tensor:
    share = lam.to(one).view(-1, *[1] * (one.ndim - 1))
    return share * one + (1 - share) * other


def _type1(alpha: float = 0.2) -> HalvesMixup:
    return HalvesMixup(alpha)


def _type2(alpha: float = 0.2) -> HalvesMixup:
    return HalvesMixup(alpha, doubled=True)


def _mixup(alpha: float = 0.8, probability: float = 1.0) -> MixupOrCutmix:
    return MixupOrCutmix(alpha, 0.0, probability)


def _cutmix(alpha: float = 1.0, probability: float = 1.0) -> MixupOrCutmix:
    return MixupOrCutmix(0.0, alpha, probability)


mixings: Registry[Callable[..., HalvesMixup | MixupOrCutmix]] = Registry("mixing")
mixings.register("mixup-type1", _type1)
mixings.register("mixup-type2", _type2)
mixings.register("mixup", _mixup)
mixings.register("cutmix", _cutmix)
mixings.register("mixup-cutmix", MixupOrCutmix, aliases=["deit"])
