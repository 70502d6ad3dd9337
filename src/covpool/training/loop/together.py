"""A stop that one process is asked for is the stop of all, at the same step."""

from __future__ import annotations

from covpool.training.distributed import Ranks
from covpool.training.loop.interrupt import Interrupted, StopSwitch

_REASONS = ("", "time-limit", "asked", "terminated")


def obey_together(stop: StopSwitch, ranks: Ranks) -> None:
    """Raise Interrupted in all processes where a stop was asked for in any of them."""
    wish = 0
    try:
        stop.obey()
    except Interrupted as asked:
        if not ranks.are_several:
            raise
        wish = _REASONS.index(asked.reason)
    if found := int(ranks.most(wish)):
        raise Interrupted(_REASONS[found])
