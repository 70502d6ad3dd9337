"""One optimizer step: batches in, changed weights out; no files and no messages."""

from __future__ import annotations

import torch
from torch import Tensor

from covpool.data import Batch
from covpool.training.loop.session import Session
from covpool.training.parts.optimizer import set_lr
from covpool.training.parts.schedule import keep_prob, lr_factor


class Stepper:
    """Takes the optimizer steps of a session."""

    def __init__(self, session: Session) -> None:
        self.session, self.recipe, self.fabric = session, session.recipe, session.fabric

    def __call__(self, group: list[Batch]) -> float:
        """One optimizer step on the batches of ``group``, each weighted by its number of images; its learning rate."""
        session = self.session
        lr = self.lr(session.progress.step)
        set_lr(session.optimizer, lr)
        self._set_keep_prob()
        total = sum(len(batch.labels) for batch in group)
        losses = []
        for index, batch in enumerate(group):
            with self.fabric.no_backward_sync(session.forward, enabled=batch is not group[-1]):
                losses.append(self._backward(batch, index, len(batch.labels) / total))
        norm = self._clip()
        session.optimizer.step()
        session.optimizer.zero_grad(set_to_none=True)
        if session.average is not None:
            session.average.update(session.network)
        session.meter.add_step(losses[0] if len(losses) == 1 else torch.stack(losses).sum(), norm)
        return lr

    def lr(self, step: int) -> float:
        """The learning rate of step ``step``, counted from 0, before any group's own scale."""
        return self.recipe.optimizer.lr * lr_factor(step, self.recipe.schedule, self.session.steps_per_epoch)

    def inputs(self, batch: Batch, index: int) -> tuple[Tensor, Tensor]:
        """Pictures and targets of batch ``index`` of the step at work as the network gets them, mixed."""
        session = self.session
        images, targets = batch.images, batch.labels
        if session.mixer is not None:
            images, targets = session.mixer(batch, session.progress.step, index)
        images, targets = self.fabric.to_device((images, targets))
        if self.recipe.channels_last:
            images = images.to(memory_format=torch.channels_last)
        return images, targets

    def _backward(self, batch: Batch, index: int, share: float) -> Tensor:
        images, targets = self.inputs(batch, index)
        logits, loss = self.session.objective(images, targets)
        part = loss if share == 1 else loss * share
        self.fabric.backward(part)
        labels = targets if targets.ndim == 1 else targets.argmax(dim=1)
        self.session.meter.add_batch(loss, logits, labels)
        return part.detach()

    def _set_keep_prob(self) -> None:
        session, schedule = self.session, self.recipe.schedule
        if schedule.keep_prob is not None:
            kept = keep_prob(session.progress.step, schedule, session.total_steps)
            session.network.backbone.set_keep_prob(kept)  # type: ignore[operator]

    def _clip(self) -> Tensor | None:
        limit = self.recipe.optimizer.clip_grad_norm
        if limit is None:
            return None
        # a norm that is no number is reported with its step by the meter
        return self.fabric.clip_gradients(
            self.session.forward, self.session.optimizer, max_norm=limit, error_if_nonfinite=False
        )
