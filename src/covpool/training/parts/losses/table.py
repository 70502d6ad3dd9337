"""The losses and the auxiliary losses by name."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from covpool.registry import Registry
from covpool.training.parts.losses.auxiliary import Auxiliary, balance, n_pair
from covpool.training.parts.losses.binary import Anchor, BinaryCrossEntropy, Focal, SigmoidCrossEntropy
from covpool.training.parts.losses.softmax import cross_entropy

losses: Registry[Callable[..., nn.Module]] = Registry("loss")
losses.register("cross-entropy", cross_entropy, aliases=["ce"])
losses.register("bce", BinaryCrossEntropy)
losses.register("sigmoid", SigmoidCrossEntropy)
losses.register("focal", Focal)
losses.register("anchor", Anchor)

auxiliaries: Registry[Callable[..., Auxiliary]] = Registry("auxiliary loss")
auxiliaries.register("balance", balance)
auxiliaries.register("n-pair", n_pair)
