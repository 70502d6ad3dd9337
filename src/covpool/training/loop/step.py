"""One optimizer step: batches in, changed weights out; no files and no messages."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from math import isfinite, nan
from typing import Any, NoReturn

import torch
from torch import Tensor

from covpool.data import Batch
from covpool.training.distributed.sharding import gathered
from covpool.training.loop.gradients import Gradients, all_finite, by_part, running_statistics
from covpool.training.loop.meters import NonFiniteLoss
from covpool.training.loop.overflow import Overflows, taken_again
from covpool.training.loop.session import Session
from covpool.training.parts.distillation import labels_of
from covpool.training.parts.ema import MovingAverage
from covpool.training.parts.optimizer import set_lr
from covpool.training.parts.precision import is_scaled, loss_scale
from covpool.training.parts.schedule import keep_prob
from covpool.training.run import snapshot_generators


@dataclass(frozen=True)
class Moment:
    """What a step is made of, to take it again: its number from 1, its batches, the generators before it."""

    step: int
    group: list[Batch]
    generators: Callable[[], dict[str, Any]]


class Stepper:
    """Takes the optimizer steps of a session.

    Args:
        careful: look at the loss and at the gradient before the optimizer uses them, at every step. That costs next
            to nothing on a CPU; an accelerator would have to be waited for, and there the meter looks now and then.

    Attributes:
        moment: the step at work, or the one that was last.
        gradient_norms: of the last step that was ``measured``.
        culprit: the process that had the first loss that was no number; the first one where all had it.
    """

    def __init__(self, session: Session, *, careful: bool) -> None:
        self.session, self.recipe, self.fabric = session, session.recipe, session.fabric
        self.careful = careful
        self.gradients = Gradients(session.network)
        self.gradient_norms: dict[str, Tensor] = {}
        self.moment: Moment | None = None
        self.culprit = 0
        self._wrong_loss = 0.0
        self._overflows = Overflows()

    def __call__(self, group: list[Batch], *, measured: bool = False) -> float:
        """One optimizer step on the batches of ``group``, each weighted by its number of images; its learning rate.

        Raises:
            NonFiniteLoss: (careful) the loss or the gradient is no number; the weights are as they were before.
        """
        session = self.session
        self.moment = Moment(session.progress.step + 1, group, snapshot_generators())
        lr = self.lr(session.progress.step)
        set_lr(session.optimizer, lr)
        self._set_keep_prob()
        ranks = session.ranks
        total = ranks.align(sum(len(batch.labels) for batch in group), session.parts.train_loader.next_batch)
        losses = []
        for index, batch in enumerate(group):
            with self.fabric.no_backward_sync(session.forward, enabled=batch is not group[-1]):
                losses.append(self._backward(batch, index, ranks.size * len(batch.labels) / total))
        self._need_finite_losses()
        norm = self._look_and_clip(measured)
        session.optimizer.step()
        session.optimizer.zero_grad(set_to_none=True)
        if isinstance(session.average, MovingAverage):
            session.average.update(session.network)
        session.meter.add_step(losses[0] if len(losses) == 1 else torch.stack(losses).sum(), norm)
        return lr

    def lr(self, step: int) -> float:
        """The learning rate of step ``step``, counted from 0, before any group's own scale."""
        return self.recipe.optimizer.lr * self.session.calendar.lr_factor(step)

    def inputs(self, batch: Batch, index: int) -> tuple[Tensor, Tensor]:
        """Pictures and targets of batch ``index`` of the step at work as the network gets them, mixed and taught."""
        session = self.session
        images, targets = self.fabric.to_device(session.mixed(batch, index))
        if self.recipe.channels_last:
            images = images.to(memory_format=torch.channels_last)
        return images, session.taught(images, targets)

    def _backward(self, batch: Batch, index: int, share: float) -> Tensor:
        images, targets = self.inputs(batch, index)
        try:
            logits, loss = self.session.objective(images, targets)
            part = loss if share == 1 else loss * share
            if self.careful and not isfinite(value := loss.item()):
                self._wrong_loss = value
                if not self.session.ranks.are_several:
                    self._fail("loss", value)
            self.fabric.backward(part)
        except torch.linalg.LinAlgError as error:  # what decompositions say to values that are no numbers
            failure = self._failure("matrix to decompose", nan)
            failure.alone = self.session.ranks.are_several
            raise failure from error
        self.session.meter.add_batch(loss, logits, labels_of(targets, logits.shape[1]))
        return part.detach()

    def kept(self) -> float | None:
        """What DropBlock keeps in the step at work, where the schedule says so."""
        session, schedule = self.session, self.recipe.schedule
        if schedule.keep_prob is None:
            return None
        return keep_prob(session.progress.step, schedule, session.total_steps)

    def _set_keep_prob(self) -> None:
        kept = self.kept()
        if kept is not None:
            self.session.network.set_keep_prob(kept)

    def _look_and_clip(self, measured: bool) -> Tensor | None:
        """The norm of the whole gradient, where the recipe clips it; what is looked at is the gradient before that."""
        scaled = is_scaled(self.fabric)
        norms = self.gradients.norms() if measured or (self.careful and not self._is_plainly_finite()) else None
        if measured and norms is not None:
            self.gradient_norms = {part: norm / loss_scale(self.fabric) for part, norm in by_part(norms).items()}
        if scaled and norms is not None:
            self._need_no_more_than_overflows(norms[1].norm().item())
        elif self.careful and norms is not None:
            self._need_finite_norm(norms[1].norm().item())
        limit = self.recipe.optimizer.clip_grad_norm
        if limit is None:
            return None
        # a norm that is no number is reported with its step by the meter; where losses are scaled, the step is left out
        norm = self.fabric.clip_gradients(
            self.session.forward, self.session.optimizer, max_norm=limit, error_if_nonfinite=False
        )
        return None if scaled else gathered(norm)

    def _is_plainly_finite(self) -> bool:
        """Whether the gradient needs no further look: where one process has all of it, unscaled, on a CPU."""
        alone = not (is_scaled(self.fabric) or self.session.ranks.are_several)
        return alone and self.fabric.device.type == "cpu" and self.gradients.squares_are_finite()

    def _need_finite_losses(self) -> None:
        """Of all processes: the one that has another loss has taken part in the step as the others wait for it."""
        ranks = self.session.ranks
        if not (self.careful and ranks.are_several):
            return
        wrong = [rank for rank, (value,) in enumerate(ranks.each(self._wrong_loss)) if not isfinite(value)]
        if wrong:
            self.culprit = wrong[0]
            self._fail("loss", nan if isfinite(self._wrong_loss) else self._wrong_loss)

    def _need_finite_norm(self, norm: float) -> None:
        """Where nothing is divided by it, a norm may overflow in its sum of squares alone."""
        clips = self.recipe.optimizer.clip_grad_norm is not None
        if not isfinite(norm) and (clips or not self._in_all(self.gradients.are_finite())):
            self._fail("gradient norm", norm)

    def _need_no_more_than_overflows(self, norm: float) -> None:
        """Where losses are scaled: the step of a gradient that overflows under the scale alone is left out."""
        finite = self._in_all(isfinite(norm) or self.gradients.are_finite())
        too_long = self._overflows.last_too_long(self.session.progress.step, is_finite=finite)
        alone = self.careful and not self.session.ranks.are_several
        if too_long or (alone and not finite and not self._is_finite_unscaled()):
            self._fail("gradient norm", norm)

    def _is_finite_unscaled(self) -> bool:
        """Whether the gradient of the step at work is finite where the loss is not scaled."""
        assert self.moment is not None
        share = 1.0 / (len(self.moment.group) * loss_scale(self.fabric))
        with taken_again(self.session.network, self.moment.generators()):
            for index, batch in enumerate(self.moment.group):
                _, loss = self.session.objective(*self.inputs(batch, index))
                self.fabric.backward(loss * share)
            return self.gradients.are_finite()

    def check_weights(self) -> None:
        """NonFiniteLoss where a weight, an average of them, or a running statistic is no number."""
        average = self.session.average
        networks = [self.session.network] if average is None else [self.session.network, average.network]
        for what, tensors in (
            ("network; a weight of it", [network.parameters() for network in networks]),
            ("network; a running statistic of it", [running_statistics(network).values() for network in networks]),
        ):
            if not self._in_all(all_finite(chain.from_iterable(tensors))):
                self._fail(what, nan)

    def _in_all(self, fine: bool) -> bool:
        """Whether it is so in all processes: each looks at its own slices, where parameters are shared out."""
        return self.session.ranks.most(not fine) == 0

    def _fail(self, what: str, value: float) -> NoReturn:
        raise self._failure(what, value)

    def _failure(self, what: str, value: float) -> NonFiniteLoss:
        assert self.moment is not None
        return NonFiniteLoss(self.moment.step, what, value, self.session.meter.checkpoint)
