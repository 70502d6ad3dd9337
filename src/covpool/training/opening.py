"""The processes of a training and the Fabric of this one, from what was asked for and what the environment says."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Literal

import torch
import torch.distributed as dist
from lightning_fabric import Fabric

from covpool.evaluation.predict import pick_device
from covpool.recipes import Recipe, RecipeError
from covpool.training.distributed import Ranks
from covpool.training.distributed.meeting import meet
from covpool.training.distributed.sharding import OPTIMIZERS
from covpool.training.distributed.starting import fabric_options, started_processes
from covpool.training.parts.precision import precision_options

Strategy = Literal["ddp", "fsdp"]


@contextmanager
def opened(
    recipe: Recipe, device: str | torch.device, devices: int, strategy: Strategy
) -> Iterator[tuple[Fabric, Ranks]]:
    """Fabric and the processes of the training; those who meet here part here."""
    size, met = started_processes(), dist.is_available() and dist.is_initialized()
    if devices not in (1, size):
        raise ValueError(f"{size} processes are started already; got devices {devices}. Leave it out")
    fabric = open_fabric(recipe, device, strategy)
    yield fabric, Ranks(fabric.global_rank, fabric.world_size)
    if size > 1 and not met:
        dist.destroy_process_group()


def open_fabric(recipe: Recipe, device: str | torch.device = "auto", strategy: Strategy = "ddp") -> Fabric:
    """The Fabric of this process, with the recipe's precision; of one of several, where several were started."""
    place, precision = pick_device(device), precision_options(recipe, pick_device(device).type)
    if started_processes() > 1:
        schedule, frozen = recipe.schedule, recipe.network.batch_norm == "frozen"
        has_frozen_parts = frozen or schedule.freeze_backbone or schedule.head_epochs > 0
        options = fabric_options(strategy, has_frozen_parts=has_frozen_parts)
        meet(options["plugins"][0], place.type)
        options["plugins"] += precision.pop("plugins", [])
    else:
        options = {"devices": 1 if place.index is None or place.type == "cpu" else [place.index]}
    with quiet_fabric():
        fabric = Fabric(accelerator=place.type, **options, **precision)
        fabric.launch()
    return fabric


def need_shareable(recipe: Recipe, processes: int) -> None:
    """RecipeError or ValueError where parameters are to be shared out and that cannot be done."""
    if processes < 2:
        raise ValueError(
            "strategy 'fsdp' shares parameters out among several processes; got 1. Set devices, or leave it at 'ddp'"
        )
    mistakes = []
    if recipe.optimizer.name not in OPTIMIZERS:
        mistakes.append(
            f"optimizer.name: strategy 'fsdp' takes {', '.join(OPTIMIZERS)}; got {recipe.optimizer.name!r}. "
            "Take one of them, or the strategy 'ddp'"
        )
    if recipe.precision == "16-mixed":
        mistakes.append("precision: strategy 'fsdp' takes '32-true' and 'bf16-mixed'; got '16-mixed'")
    if mistakes:
        raise RecipeError(mistakes, recipe.name)


@contextmanager
def quiet_fabric() -> Iterator[None]:
    """Without the notes on precision and devices that the recipe and the start event tell already."""
    noisy = logging.getLogger("lightning_fabric")
    level = noisy.level
    noisy.setLevel(logging.WARNING)
    try:
        yield
    finally:
        noisy.setLevel(level)
