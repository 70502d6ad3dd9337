"""A training in processes of its own, told to the caller as if it were in this one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from covpool.training.distributed import RankLost
from covpool.training.distributed.launching import in_processes
from covpool.training.loop.engine import Listener
from covpool.training.loop.interrupt import StopSwitch
from covpool.training.outcome import Outcome, outcome_in
from covpool.training.run import RunFolder


def train_in_processes(
    count: int, work: Callable[..., Any], given: Mapping[str, Any], folder: RunFolder, listen: Listener
) -> Outcome:
    """Do ``work`` in ``count`` processes; Ctrl-C and SIGTERM reach them from here.

    Raises:
        KeyboardInterrupt: they were stopped before they had begun, or could not save; ``Terminated`` by SIGTERM.
    """
    endings: list[str] = []
    with StopSwitch() as stop:

        def hear(event: Mapping[str, Any]) -> None:
            if event["event"] in ("end", "interrupted"):
                endings.append(event["ending" if event["event"] == "end" else "reason"])
            try:
                listen(event)
            except KeyboardInterrupt:
                stop.request()

        try:
            in_processes(count, work, given, listen=hear, stopped=lambda: stop.requested)
        except RankLost:  # a stop ends at once those who are not at work yet, or no more
            if not stop.requested:
                raise
        if not endings:
            raise stop.at_once(_stopped_before(folder))
        by_signal = stop.reason if stop.requested else ""
    ending = endings[-1]
    return outcome_in(folder, by_signal if by_signal and ending == "terminated" else ending)


def _stopped_before(folder: RunFolder) -> str:
    if not folder.last.exists():
        return ""
    return f"interrupted before a step was done; go on from the last checkpoint with: {folder.resume_command}"
