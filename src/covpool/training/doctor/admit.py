"""The two ways to the doctor: from a run that has just stopped, and from the files that it left."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from lightning_fabric import Fabric
from torch import Tensor

from covpool.recipes import Recipe
from covpool.training.assemble import build_objects
from covpool.training.distributed.sharding import whole
from covpool.training.doctor.case import Case
from covpool.training.doctor.diagnosis import Diagnosis, diagnose
from covpool.training.doctor.examine import Patient
from covpool.training.loop.engine import Engine
from covpool.training.loop.meters import NonFiniteLoss
from covpool.training.loop.objective import Objective
from covpool.training.loop.step import Moment
from covpool.training.opening import quiet_fabric
from covpool.training.parts.optimizer import set_training_mode
from covpool.training.parts.precision import precision_options
from covpool.training.run import RunFolder, isolated_generators


def admit(engine: Engine, error: NonFiniteLoss) -> NonFiniteLoss:
    """Keep the step at which ``engine`` stopped in RUN/doctor, diagnose it, and put that into the error's words.

    One process looks; all have the same words afterwards.
    """
    if not engine.step.careful:
        error = engine.find_again(error)
    moment = engine.step.moment
    if moment is None:
        return error
    case = _case(engine, error, moment)
    ranks, culprit, diagnosis = engine.session.ranks, engine.step.culprit, None
    if ranks.rank == culprit:  # the process that had it looks at it
        case.write(engine.folder.doctor)
        diagnosis = diagnose(case, _at_hand(engine, case))
        diagnosis.write(engine.folder.doctor)
    ranks.wait()  # a look takes longer than a step
    diagnosis = ranks.share(diagnosis, culprit)
    return error.diagnosed(diagnosis, str(engine.folder.path))


def _at_hand(engine: Engine, case: Case) -> Patient:
    """What the run has; where parameters are shared out, all of it once more in this process alone."""
    session = engine.session
    if session.mesh is not None:
        place = session.fabric.device
        options = precision_options(session.recipe, place.type)
        devices = 1 if place.index is None else [place.index]
        return _restored(case, session.recipe, Fabric(accelerator=place.type, devices=devices, **options))
    return Patient(
        objective=session.objective_alone() if session.ranks.are_several else session.objective,
        fabric=session.fabric,
        optimizer=session.optimizer,
        batches=case.batches,
        generators=case.state["generators"],
    )


def _case(engine: Engine, error: NonFiniteLoss, moment: Moment) -> Case:
    session, stepper = engine.session, engine.step
    session.progress.step = moment.step - 1  # the mixture of a batch hangs on it
    return Case(
        state={**whole(session.state()), "generators": moment.generators()},
        batches=[stepper.inputs(batch, index) for index, batch in enumerate(moment.group)],
        step=moment.step,
        what=error.what,
        value=error.value,
        losses=engine.recent_losses(),
        lr=stepper.lr(moment.step - 1),
        keep_prob=stepper.kept(),
        frozen=engine.is_frozen(),
    )


def second_opinion(run: str | Path, fabric: Fabric | None = None) -> Diagnosis:
    """The diagnosis of the step that is kept in the folder ``run``, made again from its files.

    Raises:
        FileNotFoundError: no step is kept there.
        ValueError: a file is damaged.
    """
    case = Case.read(RunFolder(run).doctor)
    recipe = Recipe.from_dict(case.state["about"]["recipe"])
    with isolated_generators():
        return diagnose(case, _restored(case, recipe, fabric or _on_cpu(recipe)))


def _on_cpu(recipe: Recipe) -> Fabric:
    with quiet_fabric():
        return Fabric(accelerator="cpu", **precision_options(recipe, "cpu"))


def _restored(case: Case, recipe: Recipe, fabric: Fabric) -> Patient:
    """The network, the loss and the optimizer of ``recipe`` as they were when the step was taken."""
    plain = replace(recipe, network=replace(recipe.network, pretrained=False, weights=None))
    objects = build_objects(plain, len(case.state["about"]["classes"]))
    network = objects.network
    network.load_state_dict(case.state["network"])
    forward, optimizer = fabric.setup(network, objects.optimizer)
    optimizer.load_state_dict(case.state["optimizer"])
    set_training_mode(network, frozen=case.frozen)
    if case.keep_prob is not None:
        network.set_keep_prob(case.keep_prob)
    return Patient(
        objective=Objective(forward, network, objects.loss.to(fabric.device), objects.auxiliary),
        fabric=fabric,
        optimizer=optimizer,
        batches=[_laid_out(batch, recipe) for batch in case.batches],
        generators=case.state["generators"],
    )


def _laid_out(batch: tuple[Tensor, Tensor], recipe: Recipe) -> tuple[Tensor, Tensor]:
    images, targets = batch
    return (images.to(memory_format=torch.channels_last) if recipe.channels_last else images), targets
