"""The Optuna study that the processes and machines of a sweep share, and who takes which trial."""

from __future__ import annotations

import json
import platform
import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from covpool.studies.sweep.holding import Hold, JournalLock, holding, lock
from covpool.studies.sweep.plan import Plan
from covpool.studies.sweep.space import SweepError

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.pruners import BasePruner
    from optuna.samplers import BaseSampler
    from optuna.trial import FrozenTrial

JOURNAL, DATABASE = "study.log", "database.txt"
_BEGINNING = 60.0  # seconds in which a trial that nobody signed may belong to a process that is just beginning
_ATTEMPTS = 3  # a trial that ended abruptly so often at the same epoch is given up


def optuna() -> Any:
    """The library.

    Raises:
        SweepError: it is not installed.
    """
    try:
        import optuna
        import optuna.storages.journal
    except ImportError as error:
        raise SweepError(["a sweep needs Optuna, which is not installed: pip install 'covpool[sweep]'"]) from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


@dataclass(frozen=True)
class Taken:
    """A trial that this process works on."""

    trial: Trial
    values: dict[str, Any]
    hold: Hold
    resumed: bool


class SharedStudy:
    """A study in ``folder``, or in a database that several machines reach.

    Args:
        plan: what is looked for; a study that was begun with another plan is refused.
        folder: of this sweep on this machine; its name is the study's in a database.
        storage: URL of a database for Optuna (sqlite:///..., postgresql://...); None: a journal file in the folder,
            which processes on one machine or on one shared folder append to.
    """

    def __init__(self, plan: Plan, folder: Path, storage: str | None = None) -> None:
        self.plan, self.folder, library = plan, folder, optuna()
        folder.mkdir(parents=True, exist_ok=True)
        with holding(self._lock):
            told = _same_place(folder, storage)
            self._storage = _journal(library, folder) if told is None else _database(library, str(storage), told)
            self.study: Study = library.create_study(
                storage=self._storage,
                study_name=folder.resolve().name,
                direction=plan.direction,
                pruner=_pruner(library, plan),
                load_if_exists=True,
            )
            self._agree()
            if told is not None:
                (folder / DATABASE).write_text(f"{told}\n", encoding="utf-8")

    @property
    def _lock(self) -> Path:
        return lock(self.folder, "study")

    def _agree(self) -> None:
        """Machines that share a study look for the same; only where the pictures lie may differ."""
        mine = self.plan.to_dict()
        mine["recipe"] = {key: value for key, value in mine["recipe"].items() if key not in ("data", "val")}
        told = json.dumps(mine, sort_keys=True)
        stored = self.study.user_attrs.get("plan")
        if stored is None:
            for values in self.plan.grid() if self.plan.sampler == "grid" else ():
                self.study.enqueue_trial(values)
            self.study.set_user_attr("plan", told)
        elif stored != told:
            raise SweepError(
                [f"the study {self.study.study_name!r} was begun with another plan; name another folder for this one"]
            )

    def run_folder(self, number: int) -> Path:
        """Where the run of a trial lies."""
        return self.folder / "trials" / f"{number:04d}"

    def take(self, most: int | None, *, take_over: bool = False) -> Taken | None:
        """A trial to work on: one whose process died, else a new one; None where ``most`` trials were begun.

        Args:
            take_over: also trials that other machines began and have not ended: only when those are known to be dead.
        """
        with holding(self._lock):
            abandoned = self._abandoned(take_over)
            if abandoned is not None:
                return abandoned
            states = [trial.state for trial in self.study.get_trials(deepcopy=False)]
            waiting = states.count(optuna().trial.TrialState.WAITING)  # those of a grid
            begun = len(states) - waiting
            if (most is not None and begun >= most) or (self.plan.sampler == "grid" and not waiting):
                return None
            return self._begun(begun)

    def _begun(self, before: int) -> Taken:
        self.study.sampler = _sampler(optuna(), self.plan, before)
        trial = self.study.ask()
        hold = Hold.of(self._trial_lock(trial.number), wait=True)
        assert hold is not None
        return self._signed(trial, hold, resumed=False)

    def _signed(self, trial: Trial, hold: Hold, *, resumed: bool) -> Taken:
        trial.set_user_attr("host", platform.node())
        trial.set_user_attr("run", str(self.run_folder(trial.number).relative_to(self.folder)))
        values = {dimension.field: dimension.suggest(trial) for dimension in self.plan.space}
        return Taken(trial, values, hold, resumed)

    def _abandoned(self, take_over: bool) -> Taken | None:
        library = optuna()
        for found in self.study.get_trials(deepcopy=False, states=(library.trial.TrialState.RUNNING,)):
            if not (take_over or _may_be_mine(found)):
                continue
            hold = Hold.of(self._trial_lock(found.number))
            if hold is None:  # its process is at work
                continue
            if not self._still_running(found.number) or self._given_up(found):
                hold.release()
                continue
            self.study.sampler = _sampler(library, self.plan, found.number)
            trial = library.trial.Trial(self.study, found._trial_id)
            return self._signed(trial, hold, resumed=True)
        return None

    def _still_running(self, number: int) -> bool:
        """Whether nobody ended the trial between the look at it and the lock."""
        return self.study.get_trials(deepcopy=False)[number].state == optuna().trial.TrialState.RUNNING

    def _given_up(self, found: FrozenTrial) -> bool:
        """Whether the trial has ended abruptly too often without an epoch in between; else the attempt is counted."""
        library, epochs = optuna(), len(found.intermediate_values)
        trial = library.trial.Trial(self.study, found._trial_id)
        told = found.user_attrs.get("attempts", {})
        count = told.get("count", 1) + 1 if told.get("epochs", 0) == epochs else 1
        if count > _ATTEMPTS:
            trial.set_user_attr("reason", f"its process ended abruptly {_ATTEMPTS} times after epoch {epochs}")
            self.study.tell(found.number, state=library.trial.TrialState.FAIL)
            return True
        trial.set_user_attr("attempts", {"epochs": epochs, "count": count})
        return False

    def left_politely(self, trial: Trial) -> None:
        """The trial was stopped by request: that counts for nothing against it."""
        trial.set_user_attr("attempts", {"epochs": -1, "count": 0})

    def _trial_lock(self, number: int) -> Path:
        return lock(self.folder, f"{number:04d}")


def _same_place(folder: Path, storage: str | None) -> str | None:
    """A sweep stays in the file or in the database that it was begun in: its address, without a password."""
    note = folder / DATABASE
    told = None if storage is None else re.sub(r"(://[^/@:]*):[^/@]*@", r"\1@", storage)
    known = note.read_text(encoding="utf-8").strip() if note.exists() else None
    if (told is None and known is not None) or (told is not None and (folder / JOURNAL).exists()):
        where = f"in the database {known}; give it as the storage" if known else "in its folder; give no storage"
        raise SweepError([f"the sweep of {folder} was begun {where}"])
    return told


def _database(library: Any, storage: str, told: str) -> Any:
    """Optuna's storage in a database; whatever its drivers raise becomes a sentence, without the password."""
    try:
        return library.storages.get_storage(storage)
    except Exception as error:
        reason = re.sub(r"(://[^/@:]*):[^/@]*@", r"\1@", " ".join(str(error).split())) or type(error).__name__
        address = "an address such as sqlite:///sweep.db or postgresql://user@host/name, with its driver installed"
        raise SweepError([f"the storage {told!r} cannot be used ({reason[:200]}); it needs {address}"]) from error


def _journal(library: Any, folder: Path) -> Any:
    """Optuna's journal in the folder, under a lock that a killed process does not leave behind."""
    journal = library.storages.journal
    mutex: Any = JournalLock(lock(folder, "journal"))
    return library.storages.JournalStorage(journal.JournalFileBackend(str(folder / JOURNAL), mutex))


def _may_be_mine(found: FrozenTrial) -> bool:
    """Whether a running trial was begun on this machine, or by a process that died before it signed."""
    host = found.user_attrs.get("host")
    if host is not None:
        return host == platform.node()
    began = found.datetime_start
    return began is None or (datetime.now() - began).total_seconds() > _BEGINNING


def _pruner(library: Any, plan: Plan) -> BasePruner:
    if plan.pruner == "none":
        return library.pruners.NopPruner()
    if plan.pruner == "hyperband":
        return library.pruners.HyperbandPruner(min_resource=1, max_resource=plan.recipe.schedule.epochs)
    return library.pruners.MedianPruner(n_startup_trials=5, n_warmup_steps=2)  # not at the first


def _sampler(library: Any, plan: Plan, before: int) -> BaseSampler:
    """The sampler of the trial after ``before`` others: what it draws follows from the plan's seed and the history."""
    seed = int(np.random.SeedSequence((plan.seed, before)).generate_state(1)[0])
    if plan.sampler == "tpe":
        return library.samplers.TPESampler(seed=seed, n_startup_trials=10)
    return library.samplers.RandomSampler(seed=seed)  # a grid's trials have their values already
