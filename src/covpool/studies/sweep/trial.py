"""One trial: a run by its recipe, reported epoch by epoch, perhaps pruned."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from covpool.data import ImageSource
from covpool.studies.sweep.shared import SharedStudy, Taken, optuna
from covpool.training import Outcome, RunFolder, read_journal, train
from covpool.training.loop.engine import Listener
from covpool.training.loop.meters import NonFiniteLoss

logger = logging.getLogger("covpool")


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a trial ended: "finished", "pruned", "failed", or not: "asked" (Ctrl-C) and "time-limit"."""

    how: str
    value: float | None = None
    reason: str = ""


class Reporter:
    """Reports the epochs of a run to its trial, and stops the run as Ctrl-C would where the pruner says so."""

    def __init__(self, trial: Any, metric: str, listen: Listener) -> None:
        self.trial, self.metric, self.listen = trial, metric, listen
        self.pruned = False
        self._known = set(trial.storage.get_trial(trial._trial_id).intermediate_values)
        self._epochs = 0

    def __call__(self, event: Mapping[str, Any]) -> None:
        """Hear one event of the run."""
        self.report(event)
        self.listen({**event, "row": f"trial {self.trial.number}", "seed": 0})
        if event["event"] == "start":
            self._epochs = event["epochs"]
        if event["event"] == "epoch" and event["epoch"] + 1 < self._epochs and self.trial.should_prune():
            self.pruned = True
            raise KeyboardInterrupt

    def report(self, event: Mapping[str, Any]) -> None:
        """Report an epoch that the study does not know; a resumed run may go through its last one again."""
        if event["event"] == "epoch" and event["epoch"] + 1 not in self._known:
            self.trial.report(event[f"eval_{self.metric}"], event["epoch"] + 1)
            self._known.add(event["epoch"] + 1)


def run_trial(
    shared: SharedStudy,
    taken: Taken,
    *,
    images: ImageSource | None,
    listen: Listener,
    device: str,
    time_limit: float | None,
) -> Ended:
    """Train by the trial's recipe and tell the study how it ended; an interrupted trial stays to be gone on with."""
    training = partial(train, images=images, device=device, time_limit=time_limit)
    try:
        try:
            ended = _trained(shared, taken, training, listen)
        except Exception as error:
            ended = _ended_by(error, taken.trial.number)
        _tell(shared, taken, ended)
        return ended
    finally:
        taken.hold.release()  # after telling, or others would take an ended trial for an abandoned one


def _ended_by(error: Exception, number: int) -> Ended:
    if isinstance(error, NonFiniteLoss):  # a fact about these values, which the sampler should learn
        return Ended(how="pruned", reason=str(error).splitlines()[0])
    logger.warning("trial %d failed: %s", number, error)
    return Ended(how="failed", reason=f"{type(error).__name__}: {error}")


def _tell(shared: SharedStudy, taken: Taken, ended: Ended) -> None:
    states, number = optuna().trial.TrialState, taken.trial.number
    if ended.reason:
        taken.trial.set_user_attr("reason", ended.reason)
    if ended.how == "finished":
        shared.study.tell(number, ended.value)
    elif ended.how in ("pruned", "failed"):
        shared.study.tell(number, state=states.PRUNED if ended.how == "pruned" else states.FAIL)
    else:
        shared.left_politely(taken.trial)


def _trained(shared: SharedStudy, taken: Taken, training: Callable[..., Outcome], listen: Listener) -> Ended:
    recipe, folder = shared.plan.recipe_of(taken.values), shared.run_folder(taken.trial.number)
    resume = _may_resume(folder)
    reporter = Reporter(taken.trial, shared.plan.metric, listen)
    for event in read_journal(RunFolder(folder).journal) if resume and RunFolder(folder).journal.exists() else ():
        reporter.report(event)  # its process may have died between writing and reporting
    outcome = training(recipe, folder, resume=resume, listen=reporter)
    taken.trial.set_user_attr("seconds", outcome.seconds)
    if outcome.interrupted:
        return Ended(how="pruned" if reporter.pruned else outcome.ending)
    return Ended(how="finished", value=outcome.history[-1][f"eval_{shared.plan.metric}"])


def _may_resume(folder: Path) -> bool:
    """Whether a run was begun there; what a process left that died before the recipe was written is cleared away."""
    if RunFolder(folder).recipe.exists():
        return True
    if folder.exists():
        shutil.rmtree(folder)
    return False
