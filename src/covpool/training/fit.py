"""``train``: a recipe and a folder in, a trained network and its records out."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import torch
from lightning_fabric import Fabric
from lightning_fabric.loggers import Logger

from covpool.data import ImageSource
from covpool.evaluation.predict import pick_device
from covpool.evaluation.result import Result
from covpool.models import Network
from covpool.recipes import Recipe
from covpool.training.assemble import assemble
from covpool.training.doctor import admit
from covpool.training.events import end_event, failed_event, interrupted_event, start_event
from covpool.training.logging import Loggers, logger_mistakes, open_loggers
from covpool.training.loop.engine import Engine, Listener
from covpool.training.loop.interrupt import Interrupted, StopSwitch
from covpool.training.loop.meters import NonFiniteLoss
from covpool.training.loop.session import Session
from covpool.training.parts.precision import precision_options
from covpool.training.run import (
    Journal,
    NotWritten,
    RunFolder,
    claimed,
    isolated_generators,
    recipe_to_resume,
    rewind_journal,
)

logger = logging.getLogger("covpool")


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What ``train`` leaves behind.

    Attributes:
        network: the network after the last step, in eval mode; the averaged weights where the recipe has ``ema``.
        history: one row an epoch, the columns of summary.csv.
        interrupted: whether the run was stopped before its end; then it can be resumed.
        ending: "finished" (all steps done), "patience" (no better evaluation for long enough), "asked" (Ctrl-C or a
            polite kill) or "time-limit".
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


def ignore(event: Mapping[str, Any]) -> None:
    """A listener that does nothing."""


def train(
    recipe: Recipe | None,
    run: str | Path,
    *,
    resume: bool = False,
    listen: Listener = ignore,
    download: bool = False,
    device: str | torch.device = "auto",
    images: ImageSource | None = None,
    log_every: int = 10,
    time_limit: float | None = None,
    look: Literal["auto", "step", "log"] = "auto",
    log: Sequence[str | Logger] = ("tensorboard",),
) -> Outcome:
    """Train the network of ``recipe``; everything about it goes into the new folder ``run``.

    Evaluation, best.pt and the outcome use the averaged weights where the recipe has ``ema``. Ctrl-C ends the
    step at work, saves, and returns an interrupted outcome; a second one stops at once. A resumed run continues
    with the very same numbers on a CPU, in the middle of an epoch too. The caller's random numbers are left alone.

    Args:
        recipe: none with ``resume``: the one in the folder.
        resume: go on with the run in the folder; a recipe that is given may differ from the stored one only
            where that changes no number (see ``recipe_to_resume``).
        listen: called with each event that also goes into journal.jsonl.
        download: fetch the pictures of a known set where they are missing.
        device: "auto", "cpu", "cuda", "cuda:1", "mps".
        images: pictures at hand instead of the recipe's ``data``.
        log_every: optimizer steps between two "step" events.
        look: how often the loss and the gradient are looked at: before every "step", or at each "log" event, which no
            device has to be waited for; "auto": every step on a CPU.
        log: where curves go beside the journal: "tensorboard", "csv", "wandb", "trackio", or loggers of Fabric.
        time_limit: seconds after which the run stops behind the step at work, as it does at Ctrl-C.

    Raises:
        RecipeError: the recipe has mistakes, all of which are named, or is not the run's own.
        FileExistsError: the folder holds something already.
        NonFiniteLoss: the loss or the gradient stopped being a number.
        NotWritten: the disk is full or the folder read only; the last checkpoint that was written is whole.
        RunInUse: another process is writing this run.
    """
    folder = RunFolder(run)
    if mistakes := logger_mistakes(log):
        raise ValueError("; ".join(mistakes))
    with ExitStack() as held:
        if resume:
            folder.stored_recipe()  # says so where there is no run
            held.enter_context(claimed(folder.path))
        recipe, saved = _begin(recipe, folder, resume)
        held.enter_context(isolated_generators())
        session = Session(assemble(recipe, images=images, download=download), open_fabric(recipe, device))
        if not resume:  # from here on the folder is needed, and another process may have made it meanwhile
            folder.path.mkdir(parents=True, exist_ok=True)
            held.enter_context(claimed(folder.path))
            folder.require_new()
        folder.create(recipe)
        if saved is not None:
            session.restore(saved)
            session.meter.checkpoint = str(folder.last)
        rewind_journal(folder.journal, 0 if saved is None else saved["journal_bytes"])
        records = held.enter_context(_records(folder, session, log))
        with StopSwitch(time_limit) as stop:
            careful = look == "step" or (look == "auto" and session.fabric.device.type == "cpu")
            engine = Engine(session, folder, *records, stop=stop, listen=listen, log_every=log_every, careful=careful)
            ending = _drive(engine, resumed=resume)
    return _outcome(session, folder, ending)


def open_fabric(recipe: Recipe, device: str | torch.device = "auto") -> Fabric:
    """The Fabric of one process on one device, with the recipe's precision."""
    place = pick_device(device)
    devices = 1 if place.index is None or place.type == "cpu" else [place.index]
    with _quiet_fabric():
        fabric = Fabric(accelerator=place.type, devices=devices, **precision_options(recipe, place.type))
        fabric.launch()
    return fabric


@contextmanager
def _quiet_fabric() -> Iterator[None]:
    """Without the notes on precision and devices that the recipe and the start event tell already."""
    noisy = logging.getLogger("lightning_fabric")
    level = noisy.level
    noisy.setLevel(logging.WARNING)
    try:
        yield
    finally:
        noisy.setLevel(level)


def _begin(recipe: Recipe | None, folder: RunFolder, resume: bool) -> tuple[Recipe, dict[str, Any] | None]:
    """The recipe to follow, and the checkpoint to go on from."""
    if resume:
        written = folder.stored_recipe()
        saved = folder.load()
        stored = written if saved is None else Recipe.from_dict(saved["about"]["recipe"])
        return recipe_to_resume(stored, recipe or written), saved
    if recipe is None:
        raise ValueError("train() needs a recipe; got none. Pass one, or resume=True to follow the folder's own")
    folder.require_new()
    return recipe, None


@contextmanager
def _records(folder: RunFolder, session: Session, log: Sequence[str | Logger]) -> Iterator[tuple[Journal, Loggers]]:
    journal = Journal(folder.journal)
    try:
        loggers = open_loggers(log, folder, session.recipe, session.progress.step)
        status = "failed"
        try:
            yield journal, loggers
            status = "success"
        finally:
            loggers.close(status)
    finally:
        journal.close()
        session.parts.train_loader.close()
        session.parts.val_loader.close()


def _drive(engine: Engine, *, resumed: bool) -> str:
    """Run the engine to its end; says how it ended."""
    engine.tell(start_event(engine, resumed))
    engine.session.start_clock()
    try:
        return _finish(engine)
    except NonFiniteLoss as error:
        told = admit(engine, error)
        engine.tell(failed_event(told))
        raise told from error
    except NotWritten as error:
        advice = "free some space or make the folder writable, then go on from its last whole checkpoint with: "
        raise NotWritten(error.path, error.reason, advice + engine.folder.resume_command) from error


def _finish(engine: Engine) -> str:
    try:
        engine.train()
        result = engine.judge.result or (None if engine.folder.result.exists() else engine.judge.evaluate())
    except Interrupted as stop:
        engine.save()
        engine.tell(interrupted_event(engine, stop.reason))
        return stop.reason
    if result is not None:
        _write_result(engine, result)
    event = end_event(engine)
    engine.tell(event)
    return event["ending"]


def _write_result(engine: Engine, result: Result) -> None:
    """result.json: the weights after the last epoch, which were not chosen by these pictures as best.pt was."""
    progress = engine.session.progress
    about = {
        **result.about,
        "architecture": engine.session.network.architecture,
        "weights": engine.session.judged_weights,
        "epoch": progress.history[-1]["epoch"],
        "best_top1": progress.best_top1,
        "best_epoch": progress.best_epoch,
        "best_step": progress.best_step,
        "ending": "patience" if progress.stopped_early else "finished",
        "skipped": {name: len(found) for name, found in progress.skipped.items()},
        "seconds": progress.seconds,
    }
    replace(result, about=about).write(engine.folder.result)


def _outcome(session: Session, folder: RunFolder, ending: str) -> Outcome:
    progress = session.progress
    return Outcome(
        run=folder.path,
        network=session.judged_network.eval().requires_grad_(True),
        history=progress.history,
        interrupted=ending in ("asked", "time-limit"),
        skipped={name: len(found) for name, found in progress.skipped.items()},
        seconds=progress.seconds,
        ending=ending,
    )
