"""A process that is lost, said in one sentence instead of a transport's words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch.distributed as dist

from covpool.training.distributed.ranks import PATIENCE, Ranks

_WORDS = ("gloo", "nccl", "connection closed by peer", "connection reset", "timed out", "broken pipe", "socket")


class RankLost(RuntimeError):
    """Another process of the same training ended, or did not answer in time."""


@contextmanager
def telling_of_losses(ranks: Ranks, resume_command: str) -> Iterator[None]:
    """RankLost in place of what the transport says when another process is gone."""
    try:
        yield
    except RuntimeError as error:
        if not ranks.are_several or isinstance(error, RankLost) or not is_of_transport(error):
            raise
        raise RankLost(
            f"process {ranks.rank} of {ranks.size} stops, because another process of this training ended or did not "
            f"answer for {PATIENCE.total_seconds():.0f} s ({_first_line(error)}); go on from the last checkpoint with: "
            f"{resume_command}"
        ) from error


def is_of_transport(error: BaseException) -> bool:
    """Whether it is what the transport says when another process is gone; errors of ours have kinds of their own."""
    told = type(error) is RuntimeError and any(word in str(error).lower() for word in _WORDS)
    return told or isinstance(error, dist.DistError)


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:160] if str(error).strip() else type(error).__name__
