"""Everything of a training that changes, in one place: what a checkpoint holds and a resumed run takes over."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from lightning_fabric import Fabric

from covpool.models import Network
from covpool.training.assemble import Parts
from covpool.training.loop.meters import Meter
from covpool.training.loop.objective import Objective
from covpool.training.parts.ema import MovingAverage
from covpool.training.parts.mixing import Mixer
from covpool.training.parts.schedule import total_steps
from covpool.training.run import generator_states, set_generator_states


@dataclass
class Progress:
    """How far the run is; plain data."""

    epoch: int = 0
    """The epoch at work, from 0."""
    batch: int = 0
    """Its batches that are done."""
    step: int = 0
    """Optimizer steps that are done."""
    best_top1: float = -1.0
    best_epoch: int = -1
    best_step: int = -1
    stale: int = 0
    """Evaluations since the best one."""
    evaluated: int = 0
    """The step of the latest evaluation that is done."""
    stopped_early: bool = False
    """Whether the patience of the schedule is at its end."""
    seconds: float = 0.0
    history: list[dict[str, Any]] = field(default_factory=list)
    """One row an epoch."""
    skipped: dict[str, dict[str, str]] = field(default_factory=lambda: {"train": {}, "val": {}})
    """Broken pictures of each set that were passed over: key -> reason."""


class Session:
    """The parts of a run on their device, and all their state.

    Attributes:
        network: the plain network; ``forward`` is the same one with the precision and the gradient reduction
            of ``fabric`` around it.
        objective: logits and loss of a batch.
        average: the moving average of its weights, or None.
        mixer: mixes the pictures of a batch, or None.
    """

    def __init__(self, parts: Parts, fabric: Fabric) -> None:
        self.parts, self.recipe, self.fabric = parts, parts.recipe, fabric
        self.network: Network = parts.network
        if self.recipe.channels_last:
            self.network.to(memory_format=torch.channels_last)
        self.forward, self.optimizer = fabric.setup(parts.network, parts.optimizer)
        self.objective = Objective(self.forward, self.network, parts.loss.to(fabric.device), parts.auxiliary)
        self.mixer = None if self.recipe.mixing is None else Mixer(self.recipe, self.network.num_classes)
        self.average = None if self.recipe.ema is None else MovingAverage(self.network, self.recipe.ema)
        self.meter = Meter(fabric.device)
        self.progress = Progress()
        self.steps_per_epoch = -(-len(parts.train_loader) // self.recipe.optimizer.accumulate)
        self.total_steps = total_steps(self.recipe.schedule, self.steps_per_epoch)
        self._clock = time.perf_counter()

    @property
    def finished(self) -> bool:
        """Whether nothing is left to train: all steps are done, or patience is over, and the last epoch is closed."""
        gave_up = self.progress.stopped_early and self.progress.batch == 0
        return gave_up or self.progress.epoch * self.steps_per_epoch >= self.total_steps

    def epoch_end(self) -> int:
        """The step with which the epoch at work ends."""
        return min((self.progress.epoch + 1) * self.steps_per_epoch, self.total_steps)

    @property
    def judged_network(self) -> Network:
        """The network that is evaluated: the averaged weights where the recipe has an ``ema``."""
        return self.network if self.average is None else self.average.network

    def seconds(self) -> float:
        """Time of the whole run, earlier sessions included."""
        now = time.perf_counter()
        self.progress.seconds += now - self._clock
        self._clock = now
        return self.progress.seconds

    def note_skipped(self) -> None:
        """Take over the broken pictures that the loaders met."""
        for name, loader in (("train", self.parts.train_loader), ("val", self.parts.val_loader)):
            self.progress.skipped[name].update(loader.skipped)

    def weights(self) -> dict[str, Any]:
        """What is needed to use the network."""
        return {
            "architecture": self.network.architecture,
            "network": self.network.state_dict(),
            "ema": None if self.average is None else self.average.network.state_dict(),
            "about": self.parts.about(),
        }

    def state(self) -> dict[str, Any]:
        """What is needed to go on with the very same numbers."""
        self.note_skipped()
        self.seconds()
        return {
            **self.weights(),
            "optimizer": self.optimizer.state_dict(),
            "ema_updates": 0 if self.average is None else self.average.updates,
            "progress": asdict(self.progress),
            "steps_per_epoch": self.steps_per_epoch,
            "meter": self.meter.state_dict(),
            "generators": generator_states(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what ``state`` gave.

        Raises:
            ValueError: the pictures are not the ones of the run.
        """
        classes, steps = state["about"]["classes"], state["steps_per_epoch"]
        if classes != self.parts.classes or steps != self.steps_per_epoch:
            raise ValueError(
                f"a resumed run needs its own pictures, {len(classes)} classes and {steps} steps an epoch; "
                f"got {len(self.parts.classes)} classes and {self.steps_per_epoch} steps. Start a new run for others"
            )
        self.network.load_state_dict(state["network"])
        self.optimizer.load_state_dict(state["optimizer"])
        if self.average is not None:
            self.average.load_state_dict(state["ema"], state["ema_updates"])
        self.meter.load_state_dict(state["meter"])
        self.progress = Progress(**state["progress"])
        set_generator_states(state["generators"])
