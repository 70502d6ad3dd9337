"""Losses of what a part of the network puts out, observed there and added to the loss of the logits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from torch import Tensor

from covpool.functional import balance_loss
from covpool.training.parts.losses.metric import NPair


@dataclass(frozen=True)
class Auxiliary:
    """A loss of what the submodule ``observed`` puts out; with ``needs_labels``, of that and the labels (B,)."""

    observed: str
    loss: Callable[..., Tensor]
    needs_labels: bool = False

    def __call__(self, seen: Tensor, targets: Tensor) -> Tensor:
        """The loss for what was seen and the labels of the batch."""
        return self.loss(seen, targets) if self.needs_labels else self.loss(seen)


def balance(*, strength: float = 100.0) -> Auxiliary:
    """The balance loss of a gated mixture: (strength / B) (std(S) / mean(S))^2; 100 in GM-SOP."""
    return Auxiliary("head.pool.gate", partial(balance_loss, strength=strength))


def n_pair(*, weight: float = 1.0, regularization: float = 0.002, observed: str = "head.pool") -> Auxiliary:
    """``weight`` times the n-pair loss of the pooled vector, or of another part: head.embedding where there is one."""
    loss = NPair(regularization=regularization)
    return Auxiliary(observed, lambda vectors, labels: weight * loss(vectors.flatten(1), labels), needs_labels=True)
