"""Training: a recipe becomes objects, a loop drives them, a run folder keeps what happened."""

from covpool.training.assemble import Parts, assemble
from covpool.training.fit import Outcome, train
from covpool.training.loop.meters import NonFiniteLoss
from covpool.training.parts.losses import losses
from covpool.training.parts.optimizer import parameter_groups
from covpool.training.parts.schedule import lr_factor
from covpool.training.run import RunFolder, read_journal

__all__ = [
    "NonFiniteLoss",
    "Outcome",
    "Parts",
    "RunFolder",
    "assemble",
    "losses",
    "lr_factor",
    "parameter_groups",
    "read_journal",
    "train",
]
