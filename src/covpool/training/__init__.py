"""Training: a recipe becomes objects, a loop drives them, a run folder keeps what happened."""

from covpool.training.assemble import Parts, assemble
from covpool.training.fit import Outcome, train
from covpool.training.losses import losses
from covpool.training.meters import NonFiniteLoss
from covpool.training.optimizer import parameter_groups
from covpool.training.run import RunFolder, read_journal
from covpool.training.schedule import lr_factor

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
