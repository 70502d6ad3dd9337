"""Everything of a training that changes, in one place: what a checkpoint holds and a resumed run takes over."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor

from covpool.data import Batch
from covpool.data.transforms.mixing import soft_targets
from covpool.models import Network
from covpool.training.assemble import Parts
from covpool.training.distributed import Ranks, share_draws, synchronize_batch_norms, work_alone
from covpool.training.distributed.sharding import (
    mesh_of,
    optimizer_like,
    shard,
    skeleton_of,
    weights_like,
    whole_network,
)
from covpool.training.loop.meters import Meter, merged
from covpool.training.loop.objective import Objective
from covpool.training.parts.calendar import Calendar
from covpool.training.parts.distillation import LiveTeacher, StoredLogits
from covpool.training.parts.ema import MovingAverage
from covpool.training.parts.mixing import Mixer
from covpool.training.parts.optimizer import build_optimizer
from covpool.training.parts.swa import EqualAverage
from covpool.training.run import generator_states, rank_seed, seed_generators, set_generator_states


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
        ranks: the processes of the training.
        average: the moving or the equal average of its weights, or None.
        mesh: the processes among which parameters are shared out (FSDP2), or None.
        mixer: mixes the pictures of a batch, or None.
        teaching: what knows a teacher's answers, or None.
        calendar: which step lies in which epoch.
    """

    def __init__(self, parts: Parts, fabric: Fabric, ranks: Ranks | None = None) -> None:
        self.parts, self.recipe, self.fabric = parts, parts.recipe, fabric
        self.ranks = ranks or Ranks()
        self.network: Network = parts.network
        self.mesh = mesh_of(fabric)
        if self.recipe.channels_last and self.mesh is None:  # FSDP2 cuts contiguous parameters; the pictures suffice
            self.network.to(memory_format=torch.channels_last)
        self.average = self._average()
        self._skeleton = None if self.mesh is None else skeleton_of(self.network)
        self.forward, self.optimizer = self._set_up()
        self.objective = self._objective(self.forward, self.ranks.rows)
        self.mixer = self._mixer()
        self.teaching = parts.teaching
        if isinstance(self.teaching, LiveTeacher):
            self.teaching.to(fabric.device)
        self.meter = Meter(fabric.device, self.ranks)
        self.progress = Progress()
        self.calendar = Calendar.of(self.recipe, parts.train_loader)
        self.steps_per_epoch, self.total_steps = self.calendar.steps, self.calendar.total
        self._clock = time.perf_counter()
        if self.ranks.are_several:
            synchronize_batch_norms(self.network)
            share_draws(self.network)
        if not self.ranks.is_first:  # all have drawn the same weights; what follows is of their own pictures
            seed_generators(rank_seed(self.recipe.seed, self.ranks.rank))

    def _set_up(self) -> tuple[Any, Any]:
        """The network in Fabric's wrapping, and its optimizer; the average lies as the network does."""
        fabric, average = self.fabric, self.average
        if self.mesh is None:
            if average is not None:
                average.network.to(fabric.device)
            return fabric.setup(self.network, self.parts.optimizer)
        forward = fabric.setup_module(self.network)
        if average is not None:
            shard(average.network, self.mesh)
        # the parameters are others now
        return forward, fabric.setup_optimizers(build_optimizer(self.network, self.recipe.optimizer))

    def alone(self, network: Network) -> Network:
        """``network`` for the use of this process without the others: itself, or a whole copy where it is shared out.

        Of a copy all processes have to ask alike.
        """
        if self._skeleton is None:
            return network
        return whole_network(network, self._skeleton, self.fabric.device)

    def _objective(self, forward: Callable[[Tensor], Tensor], gather: Callable[[Tensor], Tensor]) -> Objective:
        return Objective(forward, self.network, self.parts.loss.to(self.fabric.device), self.parts.auxiliary, gather)

    def objective_alone(self) -> Objective:
        """The objective of this process without the others, for a look after the work; so are then norms and draws."""
        work_alone(self.network)
        precision = self.fabric.strategy.precision

        def forward(images: Tensor) -> Tensor:
            with precision.forward_context():
                logits: Tensor = precision.convert_output(self.network(precision.convert_input(images)))
            return logits

        return self._objective(forward, lambda rows: rows)

    def _mixer(self) -> Mixer | None:
        if self.recipe.mixing is None:
            return None
        return Mixer(self.recipe, self.network.num_classes, self.ranks.rank)

    def _average(self) -> MovingAverage[Network] | EqualAverage[Network] | None:
        if self.recipe.swa_epochs is not None:
            return EqualAverage(self.network)
        return None if self.recipe.ema is None else MovingAverage(self.network, self.recipe.ema)

    def mixed(self, batch: Batch, index: int) -> tuple[Tensor, Tensor]:
        """Pictures and targets of batch ``index`` of the step at work, mixed, with a teacher's stored answers."""
        teaching, classes = self.teaching, self.network.num_classes
        answers = teaching.stored(batch, classes) if isinstance(teaching, StoredLogits) else None
        if self.mixer is not None:
            return self.mixer(batch, self.progress.step, index, answers)
        if teaching is None:
            return batch.images, batch.labels
        targets = soft_targets(batch.labels, classes)
        return batch.images, targets if answers is None else torch.cat([targets, answers], dim=1)

    def taught(self, images: Tensor, targets: Tensor) -> Tensor:
        """The targets, (B, K), with the answers of a teacher that looks at these very pictures, (B, 2K)."""
        if not isinstance(self.teaching, LiveTeacher):
            return targets
        answers = self.teaching.ask(images, self.network.num_classes, self.fabric.autocast())
        return torch.cat([targets, answers], dim=1)

    def settle(self, obey: Callable[[], None]) -> None:
        """At the end of an epoch: an equal average takes its weights in, and measures its batch norms anew."""
        average, window = self.average, self.recipe.swa_epochs or 0
        number = self.progress.epoch + 1 - (self.calendar.epochs - window)
        if not isinstance(average, EqualAverage) or number < 1:
            return
        average.take(self.network, number)
        batches = self.parts.train_loader.epoch(self.progress.epoch)
        pictures = (batch.images.to(self.fabric.device) for batch in batches)
        if not self.ranks.are_several:
            average.measure(pictures, obey)
            return
        synchronize_batch_norms(average.network)
        average.measure(pictures)
        work_alone(average.network)

    @property
    def finished(self) -> bool:
        """Whether nothing is left to train: all steps are done, or patience is over, and the last epoch is closed."""
        gave_up = self.progress.stopped_early and self.progress.batch == 0
        return gave_up or self.calendar.start(self.progress.epoch) >= self.total_steps

    def epoch_end(self) -> int:
        """The step with which the epoch at work ends."""
        return self.calendar.end(self.progress.epoch)

    @property
    def judged_network(self) -> Network:
        """The network that is evaluated: the averaged weights, where there are some. See ``alone``."""
        return self.average.network if self.average is not None and self.is_averaged else self.network

    @property
    def is_averaged(self) -> bool:
        """Whether averaged weights are evaluated; an equal average has none before its first epoch."""
        return isinstance(self.average, MovingAverage) or (self.average is not None and self.average.updates > 0)

    @property
    def judged_weights(self) -> str:
        """Which weights are evaluated: "network", "ema" or "swa"."""
        if not self.is_averaged:
            return "network"
        return "ema" if isinstance(self.average, MovingAverage) else "swa"

    def start_clock(self) -> None:
        """Count the time of this session from now on."""
        self._clock = time.perf_counter()

    def seconds(self) -> float:
        """Time of the whole run, earlier sessions included."""
        now = time.perf_counter()
        self.progress.seconds += now - self._clock
        self._clock = now
        return self.progress.seconds

    def note_skipped(self) -> None:
        """Take over the broken pictures that the loaders of all processes met."""
        own = {"train": dict(self.parts.train_loader.skipped), "val": dict(self.parts.val_loader.skipped)}
        for found in self.ranks.share(self.ranks.gather(own)):
            for name, skipped in found.items():
                self.progress.skipped[name].update(skipped)

    def weights(self) -> dict[str, Any]:
        """What is needed to use the network."""
        return {
            "architecture": self.network.architecture,
            "network": self.network.state_dict(),
            "ema": self.judged_network.state_dict() if self.is_averaged else None,
            "about": self.parts.about(),
        }

    def state(self) -> dict[str, Any]:
        """What is needed to go on with the very same numbers."""
        self.note_skipped()
        self.seconds()
        own = {"meter": self.meter.state_dict(), "generators": generator_states()}
        found = self.ranks.gather(own) or [own]
        return {
            **self.weights(),
            "optimizer": self.optimizer.state_dict(),
            "ema_updates": 0 if self.average is None else self.average.updates,
            "progress": asdict(self.progress),
            "steps_per_epoch": self.steps_per_epoch,
            "precision": self.fabric.strategy.precision.state_dict(),
            "meter": merged([each["meter"] for each in found]),
            "generators": own["generators"],
            "ranks": found if self.ranks.are_several else [],
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
        self.network.load_state_dict(weights_like(state["network"], self.network))
        self.optimizer.load_state_dict(optimizer_like(state["optimizer"], self.optimizer))
        if self.average is not None and state["ema"] is not None:
            self.average.load_state_dict(weights_like(state["ema"], self.average.network), state["ema_updates"])
        self.fabric.strategy.precision.load_state_dict(state.get("precision", {}))
        self.progress = Progress(**state["progress"])
        self._restore_own(state)

    def _restore_own(self, state: Mapping[str, Any]) -> None:
        """What each process has of its own, where as many of them go on; else what can be shared out."""
        rank, found = self.ranks.rank, state.get("ranks", [])
        if len(found) == self.ranks.size:
            self.meter.load_state_dict(found[rank]["meter"])
            set_generator_states(found[rank]["generators"])
            return
        self.meter.load_state_dict(state["meter"])
        if self.ranks.is_first:
            set_generator_states(state["generators"])
            return
        self.meter.begin_epoch()  # the first one has counted what all have seen
        if rank < len(found):
            set_generator_states(found[rank]["generators"])
        else:
            seed_generators(rank_seed(self.recipe.seed, rank, self.progress.step))
