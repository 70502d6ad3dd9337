"""``sweep``: trials of a plan, one after the other, until there are enough or the time is over."""

from __future__ import annotations

import gc
from collections.abc import Mapping
from pathlib import Path
from time import monotonic
from typing import Any

from covpool.data import ImageSource, open_images
from covpool.studies.sweep.holding import holding, lock
from covpool.studies.sweep.plan import FILE, Plan
from covpool.studies.sweep.shared import SharedStudy
from covpool.studies.sweep.space import SweepError
from covpool.studies.sweep.summary import write_summary
from covpool.studies.sweep.trial import Ended, run_trial
from covpool.training.fit import ignore
from covpool.training.loop.engine import Listener
from covpool.training.loop.interrupt import stopped_by

_FAILURES = 3  # one after the other: then it is not the values


def sweep(
    plan: Plan | None,
    folder: str | Path,
    *,
    storage: str | None = None,
    trials: int | None = 20,
    time_limit: float | None = None,
    take_over: bool = False,
    images: ImageSource | None = None,
    download: bool = False,
    device: str = "auto",
    listen: Listener = ignore,
) -> dict[str, Any]:
    """Try recipes of ``plan`` and return what was found, which also goes into ``folder``.

    Every trial is a run in ``folder/trials``. The study is Optuna's: any number of processes may work on one folder at
    the same time, and machines on one database. A trial whose process was interrupted or killed is gone on with, from
    its last checkpoint, by the next call on the same machine. ``best.yaml`` is the recipe of the best trial.

    Args:
        plan: None goes on with the sweep in the folder.
        folder: of this sweep; with another plan inside it is refused.
        storage: URL of a database for Optuna; None: a file in the folder.
        trials: how many are begun altogether, by all processes; None: as many as the time allows.
        time_limit: seconds after which the trial at work stops, to be gone on with.
        take_over: go on with unfinished trials of other machines too, which must be known to be dead.
        images: pictures at hand instead of the recipe's ``data``.
        listen: called with each event of each run, and "trial-start" and "trial-end".

    Raises:
        SweepError: mistakes of the plan, all of them; Optuna is missing; three trials in a row failed.
        KeyboardInterrupt: Ctrl-C; the trial at work is saved.
    """
    plan, folder = _begun(plan, Path(folder))
    shared = SharedStudy(plan, folder, storage)
    pictures = _pictures(plan, images, download)
    deadline = None if time_limit is None else monotonic() + time_limit
    failures: list[str] = []
    results = _summarised(shared)
    while deadline is None or monotonic() < deadline:
        taken = shared.take(trials, take_over=take_over)
        if taken is None:
            break
        listen({"event": "trial-start", "trial": taken.trial.number, "resumed": taken.resumed, "values": taken.values})
        left = None if deadline is None else max(0.0, deadline - monotonic())
        ended = run_trial(shared, taken, images=pictures, listen=listen, device=device, time_limit=left)
        gc.collect()
        results = _summarised(shared)
        listen(_end_event(taken.trial.number, ended, results))
        if ended.how in ("asked", "terminated"):
            raise stopped_by(ended.how)
        failures = [*failures, ended.reason] if ended.how == "failed" else []
        if len(failures) == _FAILURES:
            raise SweepError([f"{_FAILURES} trials in a row failed; the last: {failures[-1]}"])
    return results


def _begun(plan: Plan | None, folder: Path) -> tuple[Plan, Path]:
    """The plan of the sweep in the folder, which is made where it is not there."""
    if plan is None:
        return Plan.read(folder), folder
    plan.check()
    with holding(lock(folder, "study")):
        if not (folder / FILE).exists():
            plan.write(folder)
        elif Plan.read(folder).to_dict() != plan.to_dict():
            raise SweepError([f"{folder} holds a sweep with another plan; name another folder, or go on with that one"])
    return plan, folder


def _pictures(plan: Plan, images: ImageSource | None, download: bool) -> ImageSource | None:
    """Opened once for all trials, unless the trials differ in them."""
    if images is not None or plan.recipe.data is None or any(d.field in ("data", "val") for d in plan.space):
        return images
    return open_images(plan.recipe.data, val=plan.recipe.val, download=download, commands=False)


def _summarised(shared: SharedStudy) -> dict[str, Any]:
    with holding(lock(shared.folder, "summary")):
        return write_summary(shared)


def _end_event(number: int, ended: Ended, results: Mapping[str, Any]) -> dict[str, Any]:
    record = next(each for each in results["trials"] if each["trial"] == number)
    how = {"how": ended.how, "value": record["value"], "reason": ended.reason}
    return {"event": "trial-end", "trial": number, **how, "best": results["best"]}
