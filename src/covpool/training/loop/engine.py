"""The loop: batches -> steps -> epochs -> checkpoints."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from math import isfinite
from typing import Any

from covpool.data import Batch
from covpool.evaluation.result import Result
from covpool.training.distributed.sharding import whole
from covpool.training.logging import Loggers, Sight
from covpool.training.loop.interrupt import StopSwitch
from covpool.training.loop.judge import Judge, judged
from covpool.training.loop.meters import NonFiniteLoss, Pace, group_rates
from covpool.training.loop.session import Session
from covpool.training.loop.step import Stepper
from covpool.training.loop.together import obey_together
from covpool.training.parts.optimizer import set_training_mode
from covpool.training.parts.schedule import backbone_is_frozen
from covpool.training.run import (
    Journal,
    RunFolder,
    read_journal,
    save_checkpoint,
    write_summary,
)

Listener = Callable[[Mapping[str, Any]], None]


class Engine:
    """Drives a session to its last epoch and writes what happens into the run folder.

    Args:
        stop: asked at the end of each step whether to stop.
        listen: called with each event; a KeyboardInterrupt that it raises counts as Ctrl-C.
        log_every: optimizer steps between two "step" events; their loss is the mean over these steps.
        careful: see ``Stepper``.
    """

    def __init__(
        self,
        session: Session,
        folder: RunFolder,
        journal: Journal,
        loggers: Loggers,
        *,
        stop: StopSwitch,
        listen: Listener,
        log_every: int,
        careful: bool,
    ) -> None:
        self.session, self.recipe, self.fabric = session, session.recipe, session.fabric
        self.folder, self.journal, self.loggers = folder, journal, loggers
        self.stop, self.listen, self.log_every = stop, listen, log_every
        self.pace = Pace()
        self.step, self.judge = Stepper(session, careful=careful), Judge(session, stop)

    def train(self) -> None:
        """Train from where the session is to the last epoch.

        Raises:
            Interrupted: a stop was asked for; the session can be saved.
            NonFiniteLoss: the loss stopped being a number; the last checkpoint is from before that.
        """
        if not self.step.careful and not self.session.ranks.share(self.folder.last.exists()):
            self.save()  # what went wrong is found by going on from a checkpoint
        while not self.session.finished:
            for _ in self.steps():
                pass
            self._close_epoch()
            if not self.session.finished:
                self.obey()
        self._gather()

    def _gather(self) -> None:
        """Shards become one file, which all can read who ask for the weights of a run that is done."""
        session = self.session
        if session.mesh is None:
            return
        state = whole({**session.state(), "journal_bytes": self.journal.size()}, keep=session.ranks.is_first)
        if session.ranks.is_first:
            self.folder.save(state)
        session.ranks.wait()

    def steps(self) -> Iterator[list[Batch]]:
        """Take what is left of the epoch at work, step by step; gives the batches of each step behind it."""
        self._begin_epoch()
        self.pace.start()
        self._evaluate_inside()  # a resumed run may stand before an evaluation that was interrupted
        for group in self._groups():
            lr = self._take_step(group)
            self.stop.worked = True
            self.pace.images += sum(len(batch.labels) for batch in group)
            self._after_step(lr)
            yield group

    def _begin_epoch(self) -> None:
        set_training_mode(self.session.network, frozen=self.is_frozen())
        if self.session.progress.batch == 0:
            self.session.meter.begin_epoch()

    def is_frozen(self) -> bool:
        """Whether only the head learns in the epoch at work."""
        return backbone_is_frozen(self.session.progress.epoch, self.recipe.schedule)

    def _take_step(self, group: list[Batch]) -> float:
        progress = self.session.progress
        lr = self.step(group, measured=(progress.step + 1) % self.log_every == 0)
        progress.step += 1
        progress.batch = self.session.parts.train_loader.next_batch
        return lr

    def find_again(self, error: NonFiniteLoss) -> NonFiniteLoss:
        """Go from the last checkpoint to the step that went wrong, carefully now, and stop before its update.

        The batches and the generators are the same; nothing is told, evaluated or saved on the way.
        """
        state = self.folder.load(self.session.ranks, self.session.mesh)
        if state is None:
            return error
        self.session.restore(state)
        self.step.careful = True
        self._begin_epoch()
        try:
            for group in self._groups():
                self._take_step(group)
                if self.session.progress.step >= error.step:
                    break
        except NonFiniteLoss as again:
            return again
        if self.session.progress.step < error.step:  # from the checkpoint before the last, an epoch back
            self.step.moment = None
        return error

    def recent_losses(self) -> list[float]:
        """The losses that step events told, latest last, and what the meter has seen since."""
        told = [event["loss"] for event in read_journal(self.folder.journal) if event["event"] == "step"]
        return [loss for loss in (*told[-20:], *self.session.meter.unread()) if loss is not None]

    def _groups(self) -> Iterator[list[Batch]]:
        """What is left of the epoch at work, as batches of one optimizer step each."""
        progress = self.session.progress
        batches = self.session.parts.train_loader.epoch(progress.epoch, progress.batch)
        while progress.step < self.session.total_steps and not progress.stopped_early:
            group = list(islice(batches, self.recipe.optimizer.accumulate))
            if not group:
                self.session.ranks.align(0, self.session.parts.train_loader.next_batch)
                return
            yield group

    def obey(self) -> None:
        """Raise Interrupted where a stop was asked for, in whichever process."""
        obey_together(self.stop, self.session.ranks)

    def _after_step(self, lr: float) -> None:
        step = self.session.progress.step
        if step % self.log_every == 0:
            self._log_step(lr)
        self._evaluate_inside()
        every = self.recipe.checkpoint_every_steps
        if every is not None and step % every == 0:
            with self.pace.paused():
                self.save()
        self.obey()

    def _evaluate_inside(self) -> None:
        """The evaluation inside an epoch, where it is due."""
        if not self.judge.is_due():
            return
        session, progress = self.session, self.session.progress
        session.meter.check(progress.step)
        with self.pace.paused():
            result = self.judge.evaluate()
            self._keep_best(result)
            sight = self.judge.look()
        event = {"event": "evaluation", "epoch": progress.epoch, "step": progress.step, **judged(result)}
        self.tell({**event, **sight.facts, "seconds": session.seconds()})
        self._draw(sight)

    def _draw(self, sight: Sight) -> None:
        for name, values in sight.histograms.items():
            self.loggers.histogram(name, values, self.session.progress.step)

    def _keep_best(self, result: Result) -> None:
        if not self.judge.count(result):
            return
        weights = whole(self.session.weights(), keep=self.session.ranks.is_first)
        if self.session.ranks.is_first:
            save_checkpoint(self.folder.best, weights)
        self.session.ranks.wait()  # a disk may take longer than a step

    def _log_step(self, lr: float) -> None:
        progress = self.session.progress
        norms = {part: norm.item() for part, norm in self.step.gradient_norms.items()}
        event = {
            "event": "step",
            "epoch": progress.epoch,
            "step": progress.step,
            "loss": self.session.meter.read(progress.step),
            "lr": lr,
            "lr_groups": group_rates(self.session.optimizer),
            "gradient_norm": {part: norm for part, norm in norms.items() if isfinite(norm)},
            "images_per_second": self.pace.read(),
        }
        self.tell(event)

    def _close_epoch(self) -> None:
        """Evaluate, note the epoch, write the checkpoints."""
        session, progress = self.session, self.session.progress
        session.meter.check(progress.step)
        session.settle(self.stop.obey)
        result, sight = self.judge.result_of_now(), self.judge.look()
        row = {**self._row(result), **sight.facts}
        progress.history.append(row)
        self._keep_best(result)
        progress.epoch, progress.batch = progress.epoch + 1, 0
        if not progress.stopped_early:  # fewer steps, where whole batches were broken
            progress.step = min(session.calendar.start(progress.epoch), session.total_steps)
            progress.evaluated = progress.step
        self.tell({"event": "epoch", **row})
        self._draw(sight)
        if session.ranks.is_first:
            write_summary(self.folder.summary, progress.history)
        self.save()

    def _row(self, result: Result) -> dict[str, Any]:
        session = self.session
        train_loss, train_top1 = session.meter.epoch_means()
        last = max(0, session.progress.step - 1)
        return {
            "epoch": session.progress.epoch,
            "train_loss": train_loss,
            **judged(result),
            "lr": self.step.lr(last),
            "train_top1": train_top1,
            "step": session.progress.step,
            "seconds": session.seconds(),
        }

    def save(self) -> None:
        """Write last.pt, from which the run goes on.

        Raises:
            NonFiniteLoss: the weights are spoilt; the former checkpoint stays.
        """
        self.session.meter.check(self.session.progress.step)
        self.step.check_weights()
        state = {**self.session.state(), "journal_bytes": self.journal.size()}
        if self.session.ranks.is_first or self.session.mesh is not None:
            self.folder.save(state, self.session.ranks, self.session.mesh)
        self.session.ranks.wait()
        self.session.meter.checkpoint = str(self.folder.last)
        event = {"event": "checkpoint", "path": str(self.folder.last), "step": self.session.progress.step}
        self.tell(event)

    def tell(self, event: Mapping[str, Any]) -> None:
        """Write an event into the journal and hand it to the loggers and the listener."""
        self.journal.write(event)
        self.loggers.write(event)
        try:
            self.listen(event)
        except KeyboardInterrupt:
            self.stop.request()
