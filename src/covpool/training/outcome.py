"""What a training leaves behind for its caller."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from covpool.models import Network
from covpool.models.restore import network_of
from covpool.training.distributed import work_alone
from covpool.training.loop.session import Session
from covpool.training.run import RunFolder, load_checkpoint


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What ``train`` leaves behind.

    Attributes:
        network: the network after the last step, in eval mode; the averaged weights where the recipe has ``ema``.
        history: one row an epoch, the columns of summary.csv.
        interrupted: whether the run was stopped before its end; then it can be resumed.
        ending: "finished" (all steps done), "patience" (no better evaluation for long enough), "asked" (Ctrl-C),
            "terminated" (SIGTERM, as a cluster sends it before it takes a machine away) or "time-limit".
        skipped: number of broken pictures of "train" and "val" that were passed over.
        seconds: time of the whole run, earlier sessions included.
    """

    run: Path
    network: Network
    history: list[dict[str, Any]]
    interrupted: bool
    skipped: dict[str, int]
    seconds: float
    ending: str = "finished"


def outcome_of(session: Session, folder: RunFolder, ending: str) -> Outcome:
    """That of the session of this process."""
    progress = session.progress
    work_alone(session.network)
    return Outcome(
        run=folder.path,
        network=session.alone(session.judged_network).eval().requires_grad_(True),
        history=progress.history,
        interrupted=_is_interruption(ending),
        skipped={name: len(found) for name, found in progress.skipped.items()},
        seconds=progress.seconds,
        ending=ending,
    )


def outcome_in(folder: RunFolder, ending: str) -> Outcome:
    """That of a training by other processes, from its last checkpoint."""
    state = load_checkpoint(folder.last)
    progress = state["progress"]
    return Outcome(
        run=folder.path,
        network=network_of(state),
        history=progress["history"],
        interrupted=_is_interruption(ending),
        skipped={name: len(found) for name, found in progress["skipped"].items()},
        seconds=progress["seconds"],
        ending=ending,
    )


def _is_interruption(ending: str) -> bool:
    return ending in ("asked", "terminated", "time-limit")
