"""Rows that are networks trained by one recipe: a run folder for each row and seed, reused where it is finished."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import Any, NamedTuple

import numpy as np
import torch

from covpool.data import ImageSet, ImageSource, Preprocessing, eval_loader, eval_transform
from covpool.evaluation import cost, predict
from covpool.models import Network, restore_network
from covpool.models.backbone import own_backbones
from covpool.recipes import Choice, Recipe, ScheduleSpec
from covpool.recipes.catalog import find_recipe
from covpool.studies.linear import Judged
from covpool.studies.rows import Filled, Plan
from covpool.training import RunFolder, read_journal, train
from covpool.training.loop.engine import Listener
from covpool.training.loop.interrupt import stopped_by

logger = logging.getLogger("covpool")

SMALL = 64  # pixels; our own small backbones see pictures at their own size up to this
CURVES = ("epoch", "train_loss", "eval_loss", "eval_top1")


@dataclass(frozen=True, kw_only=True)
class EndToEnd:
    """Settings of an end-to-end study; ``recipes`` holds one for each backbone, without pool and seed."""

    recipes: Mapping[str, Recipe]
    seeds: Sequence[int]
    out: Path
    device: torch.device


class TrainedRow(NamedTuple):
    """A row, with the size of the pictures and the number of them that were skipped in train and val."""

    row: Filled
    image_size: int
    skipped: dict[str, int]


def default_recipe(
    backbone: str, images: ImageSource, given: Recipe | None, *, pretrained: bool, **changes: Any
) -> Recipe:
    """The recipe that trains every row of ``backbone``.

    ``small/conv4`` for our own small backbones, at the pictures' own size up to 64 px, and ``finetune/modern`` for
    timm's, with the backbone's own stride: a comparison judges the backbone as it is. Without pretrained weights all
    layers learn from the first epoch on.

    Args:
        given: takes the place of these two.
        changes: ``epochs``, ``image_size``, ``workers``, ``on_bad_image``; None leaves the recipe's.
    """
    recipe = given or find_recipe("small/conv4" if backbone in own_backbones else "finetune/modern")
    network = replace(recipe.network, backbone=backbone, pretrained=pretrained)
    schedule, transform, loader = recipe.schedule, recipe.transform, recipe.loader
    if given is None:
        network = replace(network, last_stride=None)
        schedule = schedule if pretrained else replace(schedule, head_epochs=0)
    size = changes["image_size"]
    if size is None and given is None and backbone in own_backbones:
        size = _own_size(images)
    if size is not None:
        transform = replace(transform, image_size=size)
    if changes["epochs"] is not None:
        schedule = shortened(schedule, changes["epochs"])
    wanted = {key: changes[key] for key in ("workers", "on_bad_image") if changes[key] is not None}
    return replace(
        recipe,
        data=None,
        val=None,
        network=network,
        schedule=schedule,
        transform=transform,
        loader=replace(loader, **wanted),
    )


def _own_size(images: ImageSource) -> int:
    assert images.train is not None
    sample = np.unique(np.linspace(0, len(images.train) - 1, 16).astype(int))
    return min(SMALL, int(np.median([min(images.train.read(int(i)).size) for i in sample])))


def shortened(schedule: ScheduleSpec, epochs: int) -> ScheduleSpec:
    """``epochs`` epochs; warm-up and the stage of the head alone keep below them."""
    return replace(
        schedule,
        epochs=epochs,
        warmup_epochs=min(schedule.warmup_epochs, epochs / 2),
        head_epochs=min(schedule.head_epochs, epochs - 1),
        milestones=tuple(m for m in schedule.milestones if m < epochs),
    )


def row_recipe(plan: Plan, recipe: Recipe, seed: int, width: int | None = None) -> Recipe:
    """The recipe of one run. A control pools by a learned expansion of the average to ``width`` numbers.

    A second-order pool that does not say ``reduce_to`` takes that of the recipe's own pool, so that all second-order
    rows are reduced alike; first-order rows are never reduced.
    """
    if plan.control_of is not None:
        choice = Choice("avg-expand", width=width)
    else:
        shared = recipe.network.pool.options.get("reduce_to", recipe.network.reduce_to)
        reduced = plan.order == 2 and "reduce_to" not in plan.choice.options and shared != "auto"
        extra = {"reduce_to": shared} if reduced else {}
        choice = Choice(plan.choice.name, **plan.choice.options, **extra)
    return replace(recipe, seed=seed, network=replace(recipe.network, pool=choice, reduce_to="auto"))


def trained_rows(
    plans: Sequence[Plan], images: ImageSource, settings: EndToEnd, listen: Listener
) -> Iterator[TrainedRow]:
    """Fill the rows in their order.

    Second-order rows of one length on one backbone share their control: it would be the very same training.
    """
    shared: dict[tuple[str, int], TrainedRow] = {}
    width = 0
    for plan in plans:
        known = shared.get((plan.backbone, width)) if plan.control_of else None
        if known is None:
            known = _trained_row(plan, width, images, settings, listen)
        else:
            known = known._replace(row=_taken_over(plan, known.row, settings, listen))
        width = known.row.record["out_features"]
        if plan.control_of:
            shared[plan.backbone, width] = known
        yield known


def _trained_row(plan: Plan, width: int, images: ImageSource, settings: EndToEnd, listen: Listener) -> TrainedRow:
    start = perf_counter()
    recipe = settings.recipes[plan.backbone]
    finished = []
    for seed in settings.seeds:
        told = _telling(listen, plan.id, seed)
        told({"event": "row-start"})
        run = _run(plan, row_recipe(plan, recipe, seed, width), images, settings, told)
        told({"event": "row-end", "top1": float(run.judged.correct.mean())})
        finished.append(run)
    record = {**_record(finished, settings), "seconds": perf_counter() - start}
    row, first = Filled(plan, [run.judged for run in finished], record), finished[0]
    return TrainedRow(row, first.preprocessing.image_size, first.skipped)


def _taken_over(plan: Plan, row: Filled, settings: EndToEnd, listen: Listener) -> Filled:
    for seed, run in zip(settings.seeds, row.runs, strict=True):
        told = _telling(listen, plan.id, seed)
        told({"event": "row-start"})
        told({"event": "row-end", "top1": float(run.correct.mean())})
    return Filled(plan, row.runs, {**row.record, "seconds": 0.0})


@dataclass(frozen=True)
class _Finished:
    """A run that was trained and judged."""

    network: Network
    preprocessing: Preprocessing
    judged: Judged
    seed: int
    history: list[dict[str, Any]]
    seconds: float
    skipped: dict[str, int]


def _telling(listen: Listener, row: str, seed: int) -> Listener:
    return lambda event: listen({**event, "row": row, "seed": seed})


def _run(plan: Plan, recipe: Recipe, images: ImageSource, settings: EndToEnd, listen: Listener) -> _Finished:
    """Train, go on, or take up a finished run; then judge its last weights (averaged ones where there are some)."""
    folder = RunFolder(settings.out / _slug(plan.id) / f"seed{recipe.seed}")
    if not folder.result.exists():
        resume = folder.recipe.exists()
        if resume:
            logger.info("%s, seed %d: going on with the run in %s", plan.id, recipe.seed, folder.path)
        outcome = train(recipe, folder.path, resume=resume, listen=listen, device=settings.device, images=images)
        if outcome.interrupted:
            logger.warning("interrupted in %s, seed %d; the same comparison goes on from there", plan.id, recipe.seed)
            raise stopped_by(outcome.ending)
    elif (stored := folder.stored_recipe()) != recipe:
        raise ValueError(
            f"the finished run in {folder.path} has another recipe ({_changes(stored, recipe)}); "
            "name another folder for this comparison, or ask for the same"
        )
    network, about = restore_network(folder.last)
    told = json.loads(folder.result.read_text(encoding="utf-8"))["about"]
    preprocessing = Preprocessing.from_dict(about["preprocessing"])
    assert images.val is not None
    judged = _judge(network, images.val, preprocessing, recipe, settings.device)
    history = [event for event in read_journal(folder.journal) if event["event"] == "epoch"]
    return _Finished(network, preprocessing, judged, recipe.seed, history, told["seconds"], told["skipped"])


def _judge(
    network: Network, val: ImageSet, preprocessing: Preprocessing, recipe: Recipe, device: torch.device
) -> Judged:
    loader = eval_loader(
        val,
        eval_transform(preprocessing),
        batch_size=64,
        workers=recipe.loader.workers,
        on_bad_image=recipe.loader.on_bad_image,
    )
    said = predict(network, loader, device=device, precision=recipe.precision)
    loader.close()
    return Judged.of(said.logits, said.labels.numpy(), said.indices.numpy())


def _record(runs: Sequence[_Finished], settings: EndToEnd) -> dict[str, Any]:
    network, size = runs[0].network, runs[0].preprocessing.image_size
    with torch.no_grad():
        shape = network.forward_features(torch.zeros(1, 3, size, size, device=settings.device)).shape[1:]
    measured = cost(network, size, device=settings.device).to_dict()
    seconds = [run.seconds for run in runs]
    return {
        "feature_map": list(shape),
        "reduced_to": network.architecture["reduce_to"],
        "out_features": network.head_hidden_size,
        "cost": {**measured, "train_seconds": sum(seconds) / len(seconds)},
        "curves": [_curve(run) for run in runs],
        "effective_rank": None,
        "chosen": None,
    }


def _curve(run: _Finished) -> dict[str, Any]:
    return {"seed": run.seed, **{key: [row.get(key) for row in run.history] for key in CURVES}}


def _changes(stored: Recipe, given: Recipe) -> str:
    before, after = stored.to_dict(), given.to_dict()
    return ", ".join(key for key in after if before[key] != after[key])


def _slug(row: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.+=/-]+", "_", row)
