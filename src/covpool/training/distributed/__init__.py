"""Several processes, one training: who is who, what they tell each other, and how they are started and lost."""

from covpool.training.distributed.batch_norm import synchronize_batch_norms
from covpool.training.distributed.draws import share_draws
from covpool.training.distributed.lost import RankLost, telling_of_losses
from covpool.training.distributed.ranks import PATIENCE, Ranks
from covpool.training.distributed.replaced_calls import work_alone

__all__ = [
    "PATIENCE",
    "RankLost",
    "Ranks",
    "share_draws",
    "synchronize_batch_norms",
    "telling_of_losses",
    "work_alone",
]
