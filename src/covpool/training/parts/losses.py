"""Losses by name: (logits (B, K), labels (B,) or soft targets (B, K)) -> scalar; and losses of a part's output."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch.nn.functional as F
from torch import Tensor, nn

from covpool.functional import balance_loss
from covpool.registry import Registry


class BinaryCrossEntropy(nn.Module):
    r"""One yes-or-no question a class, the mean over all B x K answers.

    Targets are $(1 - s) y + s / K$ of the one-hot or soft $y$ with smoothing $s$; with ``threshold`` they are 1 above
    it and 0 elsewhere.
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
        targets = (F.one_hot(labels, classes) if labels.ndim == 1 else labels).to(logits.dtype)
        targets = targets * (1.0 - self.smoothing) + self.smoothing / classes
        if self.threshold is not None:
            targets = (targets > self.threshold).to(logits.dtype)
        return F.binary_cross_entropy_with_logits(logits, targets)

    def extra_repr(self) -> str:
        return f"smoothing={self.smoothing}, threshold={self.threshold}"


def cross_entropy(*, smoothing: float = 0.0) -> nn.Module:
    """Softmax cross-entropy with label smoothing: the share ``smoothing`` is spread evenly over all classes.

    Soft targets y are smoothed as labels are, $(1 - s) y + s / K$: mixed first, smoothed afterwards.
    """
    return nn.CrossEntropyLoss(label_smoothing=_checked_smoothing("cross-entropy", smoothing))


def _checked_smoothing(name: str, smoothing: float) -> float:
    if not 0.0 <= smoothing < 1.0:
        raise ValueError(f"the loss {name!r} needs a smoothing from 0 up to, not including, 1; got {smoothing}")
    return smoothing


losses: Registry[Callable[..., nn.Module]] = Registry("loss")
losses.register("cross-entropy", cross_entropy, aliases=["ce"])
losses.register("bce", BinaryCrossEntropy)


@dataclass(frozen=True)
class Auxiliary:
    """A loss of what the submodule ``observed`` puts out, added to the loss of the logits."""

    observed: str
    loss: Callable[[Tensor], Tensor]


def balance(*, strength: float = 100.0) -> Auxiliary:
    """The balance loss of a gated mixture: (strength / B) (std(S) / mean(S))^2; 100 in GM-SOP."""
    return Auxiliary("head.pool.gate", partial(balance_loss, strength=strength))


auxiliaries: Registry[Callable[..., Auxiliary]] = Registry("auxiliary loss")
auxiliaries.register("balance", balance)
