"""What is told when a training begins and when it ends, whichever way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from covpool.training.loop.engine import Engine
from covpool.training.loop.meters import NonFiniteLoss


def failed_event(error: NonFiniteLoss) -> dict[str, Any]:
    """The stop at a value that is no number, with the diagnosis."""
    event: dict[str, Any] = {"event": "failed", "step": error.step, "reason": str(error)}
    if error.diagnosis is not None:
        finding = error.diagnosis.finding
        event |= {"stage": finding.stage, "module": finding.module, "causes": error.diagnosis.causes}
    return event


def interrupted_event(engine: Engine, reason: str) -> dict[str, Any]:
    """A stop that was asked for, and the command that goes on."""
    progress, command = engine.session.progress, engine.folder.resume_command
    place = {"epoch": progress.epoch, "step": progress.step}
    return {"event": "interrupted", **place, "reason": reason, "resume": command}


def start_event(engine: Engine, resumed: bool, costs: Mapping[str, Any]) -> dict[str, Any]:
    """What is about to be trained, where it stands, and its ``outlook``."""
    session, recipe = engine.session, engine.recipe
    network, parts = session.network, session.parts
    return {
        "event": "start",
        "resumed": resumed,
        "run": str(engine.folder.path),
        "epochs": session.calendar.epochs,
        "steps": session.total_steps,
        "steps_per_epoch": session.steps_per_epoch,
        "epoch": session.progress.epoch,
        "step": session.progress.step,
        "summary": {
            "backbone": network.architecture["backbone"],
            "feature_channels": network.num_features,
            "pool": str(recipe.network.pool),
            "reduce_to": network.architecture["reduce_to"],
            "out_features": network.head_hidden_size,
            "classes": len(parts.train_loader.images.classes),
            "parameters": sum(p.numel() for p in network.parameters()),
            "train_images": len(parts.train_loader.images),
            "val_images": len(parts.val_loader.images),
            "image_size": parts.preprocessing.image_size,
            "device": str(session.fabric.device),
            "precision": recipe.precision,
            "batch_size": recipe.loader.batch_size,
            "processes": session.ranks.size,
            "strategy": "ddp" if session.mesh is None else "fsdp",
            **costs,
        },
    }


def end_event(engine: Engine) -> dict[str, Any]:
    """The end of all steps, or of the patience."""
    progress = engine.session.progress
    return {
        "event": "end",
        "ending": "patience" if progress.stopped_early else "finished",
        "epochs": progress.epoch,
        "step": progress.step,
        "best_top1": progress.best_top1,
        "best_epoch": progress.best_epoch,
        "eval_top1": progress.history[-1]["eval_top1"],
        "skipped": {name: len(found) for name, found in progress.skipped.items()},
        "seconds": engine.session.seconds(),
    }
