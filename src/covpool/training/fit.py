"""``train``: a recipe and a folder in, a trained network and its records out."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import torch
from lightning_fabric.loggers import Logger
from torch.distributed.device_mesh import DeviceMesh

from covpool.allocator import freed_memory_kept
from covpool.data import ImageSource, WorkerLost
from covpool.evaluation.result import Result
from covpool.recipes import Recipe
from covpool.training.assemble import Parts, assemble
from covpool.training.distributed import Ranks, telling_of_losses
from covpool.training.distributed.sharding import mesh_of
from covpool.training.distributed.starting import started_processes
from covpool.training.doctor import admit
from covpool.training.events import end_event, failed_event, interrupted_event, start_event
from covpool.training.logging import Loggers, logger_mistakes, open_loggers
from covpool.training.loop.engine import Engine, Listener
from covpool.training.loop.interrupt import Interrupted, StopSwitch
from covpool.training.loop.meters import NonFiniteLoss
from covpool.training.loop.session import Session
from covpool.training.opening import Strategy, need_shareable, opened
from covpool.training.outcome import Outcome, outcome_of
from covpool.training.outlook import outlook
from covpool.training.run import (
    Journal,
    NotWritten,
    RunFolder,
    claimed,
    isolated_generators,
    recipe_to_resume,
    rewind_journal,
)
from covpool.training.several import train_in_processes


def ignore(event: Mapping[str, Any]) -> None:
    """A listener that does nothing."""


def train(
    recipe: Recipe | None,
    run: str | Path,
    *,
    resume: bool | Literal["if-there"] = False,
    listen: Listener = ignore,
    download: bool = False,
    device: str | torch.device = "auto",
    images: ImageSource | None = None,
    log_every: int = 10,
    time_limit: float | None = None,
    look: Literal["auto", "step", "log"] = "auto",
    log: Sequence[str | Logger] = ("tensorboard",),
    devices: int = 1,
    strategy: Strategy = "ddp",
) -> Outcome:
    """Train the network of ``recipe``; everything about it goes into the new folder ``run``.

    Evaluation, best.pt and the outcome use the averaged weights where the recipe has ``ema``. Ctrl-C ends the
    step at work, saves, and returns an interrupted outcome; a second one stops at once. A resumed run continues
    with the very same numbers on a CPU, in the middle of an epoch too. The caller's random numbers are left alone.

    Of several processes, whoever started them (``devices``, torchrun, srun), each computes its share of every batch; a
    stop, or a loss that is no number, of one is that of all, and the first one writes.

    Args:
        recipe: none with ``resume``: the one in the folder.
        resume: go on with the run in the folder; a recipe that is given may differ from the stored one only
            where that changes no number (see ``recipe_to_resume``). "if-there": only where there is one, else begin.
        listen: called with each event that also goes into journal.jsonl.
        download: fetch the pictures of a known set where they are missing.
        device: "auto", "cpu", "cuda", "cuda:1", "mps".
        images: pictures at hand instead of the recipe's ``data``.
        log_every: optimizer steps between two "step" events.
        look: how often the loss and the gradient are looked at: before every "step", or at each "log" event, which no
            device has to be waited for; "auto": every step on a CPU.
        log: where curves go beside the journal: "tensorboard", "csv", "wandb", "trackio", or loggers of Fabric.
        devices: processes to start on this machine, each with an accelerator of its own where there are some; under
            torchrun or srun they are started already.
        strategy: "ddp": each process has all parameters; "fsdp": they are shared out (FSDP2), with their gradients and
            what the optimizer and the average keep of them, and so are the checkpoints. The numbers are the same.
        time_limit: seconds after which the run stops behind the step at work, as it does at Ctrl-C.

    Raises:
        RecipeError: the recipe has mistakes, all of which are named, or is not the run's own.
        FileExistsError: the folder holds something already.
        NonFiniteLoss: the loss or the gradient stopped being a number.
        NotWritten: the disk is full or the folder read only; the last checkpoint that was written is whole.
        RankLost: another process of the same training ended or did not answer in time.
        RunInUse: another process is writing this run.
    """
    folder = RunFolder(run)
    if recipe is None and not resume:
        raise ValueError("train() needs a recipe; got none. Pass one, or resume=True to follow the folder's own")
    if mistakes := logger_mistakes(log):
        raise ValueError("; ".join(mistakes))
    if strategy == "fsdp":
        need_shareable(recipe or folder.stored_recipe(), max(devices, started_processes()))
    if devices > 1 and started_processes() == 1:
        given: dict[str, Any] = {"run": folder.path, "resume": resume, "download": download, "device": device}
        given |= {"images": images, "log_every": log_every, "time_limit": time_limit, "look": look, "log": log}
        given |= {"recipe": recipe, "strategy": strategy}
        return train_in_processes(devices, train, given, folder, listen)
    with ExitStack() as held:
        fabric, ranks = held.enter_context(opened(recipe or folder.stored_recipe(), device, devices, strategy))
        folder = RunFolder(ranks.share(folder.path))
        held.enter_context(telling_of_losses(ranks, folder.resume_command))
        resumed = ranks.share(resume is True or (resume == "if-there" and folder.recipe.exists()))
        if resumed:
            folder.stored_recipe()  # says so where there is no run
            held.enter_context(_claimed(folder, ranks))
        recipe, saved = _begin(recipe, folder, resumed, ranks, mesh_of(fabric))
        held.enter_context(isolated_generators())
        session = Session(_assemble(recipe, images, download, ranks), fabric, ranks)
        costs = outlook(session)  # a network that cannot take the pictures says so while there is no folder yet
        held.enter_context(freed_memory_kept() if fabric.device.type == "cpu" else nullcontext())
        if not resumed:  # from here on the folder is needed, and another process may have made it meanwhile
            held.enter_context(_claimed(folder, ranks, new=True))
        if saved is not None:
            session.restore(saved)
            session.meter.checkpoint = str(folder.last)
        if ranks.is_first:
            folder.create(recipe)
            rewind_journal(folder.journal, 0 if saved is None else saved["journal_bytes"])
        records = held.enter_context(_records(folder, session, log))
        with StopSwitch(time_limit) as stop:
            careful = look == "step" or (look == "auto" and session.fabric.device.type == "cpu")
            hear = listen if ranks.is_first else ignore
            engine = Engine(session, folder, *records, stop=stop, listen=hear, log_every=log_every, careful=careful)
            ending = _drive(engine, start_event(engine, resumed, costs))
        return outcome_of(session, folder, ending)


def _assemble(recipe: Recipe, images: ImageSource | None, download: bool, ranks: Ranks) -> Parts:
    """The parts of this process; what is fetched, the first one fetches."""
    if download and not ranks.is_first:
        ranks.wait()
    parts = assemble(recipe, images=images, download=download, rank=ranks.rank, world_size=ranks.size)
    if download and ranks.is_first:
        ranks.wait()
    ranks.wait()
    return parts


@contextmanager
def _claimed(folder: RunFolder, ranks: Ranks, *, new: bool = False) -> Iterator[None]:
    """The run folder, for as long as the block runs; the first process holds it for all."""
    if not ranks.is_first:
        yield
        return
    if new:
        folder.path.mkdir(parents=True, exist_ok=True)
    with claimed(folder.path):
        if new:
            folder.require_new()
        yield


def _begin(
    recipe: Recipe | None, folder: RunFolder, resume: bool, ranks: Ranks, mesh: DeviceMesh | None
) -> tuple[Recipe, dict[str, Any] | None]:
    """The recipe to follow, and the checkpoint to go on from."""
    if resume:
        written = folder.stored_recipe()
        saved = folder.load(ranks, mesh)
        stored = written if saved is None else Recipe.from_dict(saved["about"]["recipe"])
        return recipe_to_resume(stored, recipe or written), saved
    assert recipe is not None
    folder.require_new()
    return recipe, None


@contextmanager
def _records(folder: RunFolder, session: Session, log: Sequence[str | Logger]) -> Iterator[tuple[Journal, Loggers]]:
    writes = session.ranks.is_first
    journal = Journal(folder.journal if writes else Path(os.devnull))
    try:
        loggers = open_loggers(log if writes else (), folder, session.recipe, session.progress.step)
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


def _drive(engine: Engine, start: Mapping[str, Any]) -> str:
    """Run the engine to its end; says how it ended."""
    engine.tell(start)
    engine.session.start_clock()
    try:
        return _finish(engine)
    except NonFiniteLoss as error:
        told = error if error.alone else admit(engine, error)
        engine.tell(failed_event(told))
        raise told from error
    except NotWritten as error:
        advice = "free some space or make the folder writable, then go on from its last whole checkpoint with: "
        raise NotWritten(error.path, error.reason, advice + engine.folder.resume_command) from error
    except RuntimeError as error:  # at any place of a step: what is on the disk is whole, what is in memory may not be
        advice = f", and go on from the last checkpoint with: {engine.folder.resume_command}"
        if (lost := WorkerLost.behind(error, advice)) is None:
            raise
        raise lost from error


def _finish(engine: Engine) -> str:
    try:
        engine.train()
        is_written = engine.session.ranks.share(engine.folder.result.exists())
        result = engine.judge.result or (None if is_written else engine.judge.evaluate())
    except Interrupted as stop:
        engine.save()
        engine.tell(interrupted_event(engine, stop.reason))
        return stop.reason
    if result is not None and engine.session.ranks.is_first:
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
