"""Weights kept along a training, without a word to its loop: a listener copies the checkpoints it is told of."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from covpool.data import ImageSource
from covpool.pooling import pools as pool_table
from covpool.recipes import Choice, Recipe
from covpool.studies.end_to_end import row_recipe, shortened
from covpool.studies.rows import Plan
from covpool.training import RunFolder, assemble, train
from covpool.training.fit import ignore
from covpool.training.loop.engine import Listener
from covpool.training.loop.interrupt import stopped_by
from covpool.training.parts.schedule import total_steps
from covpool.training.run import isolated_generators, load_checkpoint, save_checkpoint

logger = logging.getLogger("covpool")
_NAME = re.compile(r"step-(\d+)\.pt$")


def train_with_snapshots(
    recipe: Recipe,
    folder: str | Path,
    *,
    points: int = 6,
    images: ImageSource | None = None,
    device: str | torch.device = "auto",
    download: bool = False,
    listen: Listener = ignore,
) -> Path:
    """Train by ``recipe`` into the run folder and keep the weights of about ``points`` steps; returns the folder.

    Kept are the first weights, before any step, those of every so many steps, and the last: the weights that were
    trained, not their average. The numbers of the training are those of ``train``: a checkpoint more changes none.
    A run that is finished is taken as it is, one that was interrupted goes on.

    Raises:
        ValueError: fewer than 2 points, or a finished run of another recipe in the folder.
        KeyboardInterrupt: the training was stopped; the same call goes on.
    """
    if points < 2:
        raise ValueError(f"a training needs at least 2 points, its first and its last weights; got {points}")
    run, kept = RunFolder(folder), Path(folder) / "snapshots"
    if run.result.exists():
        stored = run.stored_recipe()
        if replace(stored, checkpoint_every_steps=None) != replace(recipe, checkpoint_every_steps=None):
            raise ValueError(f"the finished run in {run.path} has another recipe; name another folder")
        return run.path
    every, first = _first(recipe, images, points, download)
    recipe = replace(recipe, checkpoint_every_steps=every)

    def told(event: Mapping[str, Any]) -> None:
        if event["event"] == "checkpoint" and event["step"] % every == 0:
            _keep(load_checkpoint(Path(event["path"])), kept, event["step"])
        listen(event)

    resume = run.recipe.exists()
    outcome = train(recipe, run.path, resume=resume, listen=told, device=device, images=images, download=download)
    if outcome.interrupted:
        raise stopped_by(outcome.ending)
    last = load_checkpoint(run.last)
    _keep(last, kept, last["progress"]["step"])
    _keep(first, kept, 0)
    return run.path


def recipes_of(recipe: Recipe, pools: Sequence[Choice | None], *, epochs: int | None = None) -> list[Recipe]:
    """``recipe`` with each of ``pools`` (None: its own), reduced alike where they are second-order, and shortened.

    Warm-up and the stage of the head alone keep below the epochs.
    """
    changed = []
    for pool in pools:
        found = recipe
        if pool is not None:
            name = pool_table.resolve(pool.name)
            choice = Choice(name, **pool.options)
            plan = Plan(backbone=recipe.network.backbone, stage=None, choice=choice)
            found = row_recipe(plan, recipe, recipe.seed)
        changed.append(found if epochs is None else replace(found, schedule=shortened(found.schedule, epochs)))
    return changed


def snapshots(folder: str | Path) -> dict[int, Path]:
    """Step -> file of the weights kept in a run folder, in the order of the steps; empty where none were."""
    found = {int(match[1]): path for path in Path(folder).glob("snapshots/*.pt") if (match := _NAME.match(path.name))}
    return dict(sorted(found.items()))


def _first(recipe: Recipe, images: ImageSource | None, points: int, download: bool) -> tuple[int, dict[str, Any]]:
    """Steps between two snapshots, and the weights before the first step: those that ``train`` will begin with."""
    with isolated_generators():
        parts = assemble(recipe, images=images, download=download)
    a_epoch = -(-len(parts.train_loader) // recipe.optimizer.accumulate)
    steps = total_steps(recipe.schedule, a_epoch)
    network = parts.network
    state = {"architecture": network.architecture, "network": network.state_dict(), "about": parts.about()}
    parts.train_loader.close()
    return max(1, steps // (points - 1)), state


def _keep(state: Mapping[str, Any], folder: Path, step: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    chosen = {key: state[key] for key in ("architecture", "network", "about")}
    save_checkpoint(folder / f"step-{step:08d}.pt", {**chosen, "ema": None})
