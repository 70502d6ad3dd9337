"""What is measured while training, kept as tensors so that no step waits for the device."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from math import nan
from time import perf_counter
from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer

from covpool.training.distributed import Ranks


class NonFiniteLoss(RuntimeError):
    """The loss or the gradient stopped being a number.

    Attributes:
        step: number of the step, from 1.
        alone: whether the other processes of the training do not know of it.
        what, value: what was no number, and what it was.
        checkpoint: what is left, or None.
        diagnosis: see ``covpool.training.doctor``; None where none was made.
    """

    def __init__(self, step: int, what: str, value: float, checkpoint: str | None) -> None:
        self.step, self.what, self.value, self.checkpoint = step, what, value, checkpoint
        self.diagnosis: Any = None
        self.alone = False
        saved = f"the last checkpoint is {checkpoint}" if checkpoint else "there is no checkpoint yet"
        self._facts = f"training needs a finite {what}; got {value} at step {step}; {saved}"
        super().__init__(
            f"{self._facts}. Lower optimizer.lr, lengthen schedule.warmup_epochs, or set optimizer.clip_grad_norm"
        )

    def diagnosed(self, diagnosis: Any, run: str) -> NonFiniteLoss:
        """The same, with the words of a diagnosis (its ``text``), which can be repeated from the folder ``run``."""
        told = NonFiniteLoss(self.step, self.what, self.value, self.checkpoint)
        told.diagnosis = diagnosis
        again = f"the step is kept in {run}/doctor; to look at it again: covpool doctor {shlex.quote(run)}"
        told.args = (f"{self._facts}\n{diagnosis.text}\n{again}",)
        return told


class Meter:
    """Sums over the epoch, and the losses since they were last read.

    Of several processes each counts its own pictures; what is read or found wrong is of all of them.
    """

    def __init__(self, device: torch.device, ranks: Ranks | None = None) -> None:
        self._ranks = ranks or Ranks()
        self._dtype = torch.float32 if device.type == "mps" else torch.float64
        self._device = device
        self.checkpoint: str | None = None
        """The last file that was saved, for the message of an error."""
        self.begin_epoch()
        self._losses: list[Tensor] = []
        self._norms: list[Tensor] = []

    def begin_epoch(self) -> None:
        """Set the sums over the epoch to zero."""
        self._totals = torch.zeros(2, dtype=self._dtype, device=self._device)  # loss and hits, summed over images
        self.images = 0

    def add_batch(self, loss: Tensor, logits: Tensor, labels: Tensor) -> None:
        """Count one batch; ``loss`` is its mean."""
        hits = (logits.detach().argmax(dim=1) == labels).sum()
        self._totals += torch.stack([loss.detach().to(self._dtype) * len(labels), hits.to(self._dtype)])
        self.images += len(labels)

    def add_step(self, loss: Tensor, norm: Tensor | None) -> None:
        """Note the loss of an optimizer step, and the norm of its gradient where that was computed."""
        self._losses.append(loss.detach())
        if norm is not None:
            self._norms.append(norm.detach())

    def read(self, step: int) -> float | None:
        """Mean loss of the steps since the last reading, of which ``step`` is the latest; None without any.

        Raises:
            NonFiniteLoss: a loss or a gradient's norm among them is not finite; the first one is named.
        """
        self.check(step)
        if not self._losses:
            return None
        mean = (self._ranks.total(torch.stack(self._losses).to(self._dtype)) / self._ranks.size).mean().item()
        self._losses.clear()
        self._norms.clear()
        return mean

    def unread(self) -> list[float]:
        """The losses since the last reading, one a step."""
        return [loss.item() for loss in self._losses]

    def check(self, step: int) -> None:
        """NonFiniteLoss where a step since the last reading went wrong."""
        for what, values in (("loss", self._losses), ("gradient norm", self._norms)):
            if not values:
                continue
            seen = torch.stack(values).float()
            wrong = (~seen.isfinite()).nonzero()
            first = -int(self._ranks.most(-int(wrong[0]) if len(wrong) else -len(values)))
            if first < len(values):
                value = nan if seen[first].isfinite() else seen[first].item()  # of another process
                raise NonFiniteLoss(step - len(values) + first + 1, what, value, self.checkpoint)

    def epoch_means(self) -> tuple[float, float]:
        """Mean loss and share of right answers over the images of the epoch so far."""
        images = self._ranks.total(torch.tensor(self.images)).item()
        loss, hits = (self._ranks.total(self._totals) / max(1, images)).tolist()
        return loss, hits

    def state_dict(self) -> dict[str, Any]:
        """All sums, as plain tensors."""
        return {
            "totals": self._totals,
            "images": self.images,
            "losses": [loss.cpu() for loss in self._losses],
            "norms": [norm.cpu() for norm in self._norms],
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what ``state_dict`` gave."""
        self._totals = state["totals"].to(self._device)
        self.images = state["images"]
        self._losses = [loss.to(self._device) for loss in state["losses"]]
        self._norms = [norm.to(self._device) for norm in state["norms"]]


def merged(states: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What a meter of one process would have counted in place of several, from their ``state_dict``."""
    if len(states) == 1:
        return states[0]
    losses = zip(*(state["losses"] for state in states), strict=True)
    return {
        "totals": torch.stack([state["totals"] for state in states]).sum(0),
        "images": sum(state["images"] for state in states),
        "losses": [torch.stack(found).mean(0) for found in losses],
        "norms": states[0]["norms"],
    }


def group_rates(optimizer: Optimizer) -> dict[str, float]:
    """The learning rate of each group of parameters, by the group's number, scale and decay."""
    return {
        f"{place} (x {group.get('lr_scale', 1.0):g}, decay {group['weight_decay']:g})": group["lr"]
        for place, group in enumerate(optimizer.param_groups)
    }


class Pace:
    """Images a second since the last reading; what is done in ``paused`` takes no time."""

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        """Count from now."""
        self.images, self._since = 0, perf_counter()

    def read(self) -> float:
        """Images a second, and start again."""
        speed = self.images / max(1e-9, perf_counter() - self._since)
        self.start()
        return speed

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stop the clock in the block."""
        begun = perf_counter()
        try:
            yield
        finally:
            self._since += perf_counter() - begun
