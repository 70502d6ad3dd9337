"""Losses by name: (logits (B, K), labels (B,)) -> scalar."""

from __future__ import annotations

from collections.abc import Callable

import torch.nn.functional as F
from torch import Tensor, nn

from covpool.registry import Registry


class BinaryCrossEntropy(nn.Module):
    r"""One yes-or-no question a class, the mean over all B x K answers.

    Targets are $(1 - s) y + s / K$ of the one-hot $y$ with smoothing $s$; with ``threshold`` they are 1 above it
    and 0 elsewhere.
    Source: Wightman et al., ResNet strikes back, 2021.

    Example:
        >>> import torch
        >>> loss = BinaryCrossEntropy()
        >>> round(loss(torch.zeros(2, 4), torch.tensor([0, 3])).item(), 4)
        0.6931
    """

    def __init__(self, *, smoothing: float = 0.0, threshold: float | None = None) -> None:
        super().__init__()
        self.smoothing = _checked_smoothing("bce", smoothing)
        self.threshold = threshold

    def forward(self, logits: Tensor, labels: Tensor) -> Tensor:
        classes = logits.shape[-1]
        targets = F.one_hot(labels, classes).to(logits.dtype)
        targets = targets * (1.0 - self.smoothing) + self.smoothing / classes
        if self.threshold is not None:
            targets = (targets > self.threshold).to(logits.dtype)
        return F.binary_cross_entropy_with_logits(logits, targets)

    def extra_repr(self) -> str:
        return f"smoothing={self.smoothing}, threshold={self.threshold}"


def cross_entropy(*, smoothing: float = 0.0) -> nn.Module:
    """Softmax cross-entropy with label smoothing: the share ``smoothing`` is spread evenly over all classes."""
    return nn.CrossEntropyLoss(label_smoothing=_checked_smoothing("cross-entropy", smoothing))


def _checked_smoothing(name: str, smoothing: float) -> float:
    if not 0.0 <= smoothing < 1.0:
        raise ValueError(f"the loss {name!r} needs a smoothing from 0 up to, not including, 1; got {smoothing}")
    return smoothing


losses: Registry[Callable[..., nn.Module]] = Registry("loss")
losses.register("cross-entropy", cross_entropy, aliases=["ce"])
losses.register("bce", BinaryCrossEntropy)
