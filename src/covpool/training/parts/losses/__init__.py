"""Losses by name: of logits, and of what a part of the network puts out."""

from covpool.training.parts.losses.auxiliary import Auxiliary
from covpool.training.parts.losses.binary import Anchor, BinaryCrossEntropy, Focal, SigmoidCrossEntropy
from covpool.training.parts.losses.metric import NPair
from covpool.training.parts.losses.softmax import cross_entropy
from covpool.training.parts.losses.table import auxiliaries, losses

__all__ = [
    "Anchor",
    "Auxiliary",
    "BinaryCrossEntropy",
    "Focal",
    "NPair",
    "SigmoidCrossEntropy",
    "auxiliaries",
    "cross_entropy",
    "losses",
]
