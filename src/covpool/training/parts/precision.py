"""The number format of a training as Fabric's plug-in, with the loss scaled where it is float16."""

from __future__ import annotations

import logging
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins.precision import MixedPrecision

from covpool.recipes import Recipe

logger = logging.getLogger("covpool")


class StaticScaler(torch.amp.GradScaler):
    """A loss scale that never changes; steps whose gradients overflow are left out, as with one that does."""

    def __init__(self, device: str, scale: float) -> None:
        super().__init__(device, init_scale=scale)

    def update(self, new_scale: float | torch.Tensor | None = None) -> None:
        super().update(self.get_scale() if new_scale is None else new_scale)


def precision_options(recipe: Recipe, device: str) -> dict[str, Any]:
    """What Fabric is given for the precision of ``recipe``; float16 comes with a loss scale, on any kind of device.

    Fabric itself has float16 on accelerators only, and would take bfloat16 on a CPU without a word to the recipe.
    """
    if recipe.precision != "16-mixed":
        return {"precision": recipe.precision}
    if device == "cpu":
        logger.warning("float16 on a CPU is slow, often a hundred times slower than float32; bf16-mixed is its half")
    scaler = None if recipe.loss_scale is None else StaticScaler(device, recipe.loss_scale)
    return {"plugins": [MixedPrecision("16-mixed", device, scaler)]}


def is_scaled(fabric: Fabric) -> bool:
    """Whether losses are scaled for float16: gradients that overflow are then part of the work."""
    return getattr(fabric.strategy.precision, "scaler", None) is not None


def loss_scale(fabric: Fabric) -> float:
    """The factor of the loss at present; 1 where losses are not scaled."""
    return float(fabric.strategy.precision.scaler.get_scale()) if is_scaled(fabric) else 1.0
