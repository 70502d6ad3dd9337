"""The loop: batches -> steps -> epochs -> checkpoints."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any

from covpool.data import Batch
from covpool.evaluation import predict
from covpool.evaluation.result import Result
from covpool.training.loop.interrupt import StopSwitch
from covpool.training.loop.session import Session
from covpool.training.loop.step import Stepper
from covpool.training.parts.optimizer import set_training_mode
from covpool.training.parts.schedule import backbone_is_frozen
from covpool.training.run import Journal, RunFolder, save_checkpoint, write_summary

Listener = Callable[[Mapping[str, Any]], None]


class Engine:
    """Drives a session to its last epoch and writes what happens into the run folder.

    Args:
        stop: asked at the end of each step whether to stop.
        listen: called with each event; a KeyboardInterrupt that it raises counts as Ctrl-C.
        log_every: optimizer steps between two "step" events; their loss is the mean over these steps.
    """

    def __init__(
        self,
        session: Session,
        folder: RunFolder,
        journal: Journal,
        *,
        stop: StopSwitch,
        listen: Listener,
        log_every: int,
    ) -> None:
        self.session, self.recipe, self.fabric = session, session.recipe, session.fabric
        self.folder, self.journal = folder, journal
        self.stop, self.listen, self.log_every = stop, listen, log_every
        self.step = Stepper(session)
        self.result: Result | None = None

    def train(self) -> None:
        """Train from where the session is to the last epoch.

        Raises:
            Interrupted: a stop was asked for; the session can be saved.
            NonFiniteLoss: the loss stopped being a number; the last checkpoint is from before that.
        """
        while self.session.progress.epoch < self.recipe.schedule.epochs:
            self._train_epoch()
            self._close_epoch()
            if self.session.progress.epoch < self.recipe.schedule.epochs:
                self.stop.obey()

    def _train_epoch(self) -> None:
        progress, loader = self.session.progress, self.session.parts.train_loader
        set_training_mode(self.session.network, frozen=backbone_is_frozen(progress.epoch, self.recipe.schedule))
        if progress.batch == 0:
            self.session.meter.begin_epoch()
        images, since = 0, time.perf_counter()
        batches = loader.epoch(progress.epoch, progress.batch)
        for group in _grouped(batches, self.recipe.optimizer.accumulate):
            lr = self.step(group)
            progress.step += 1
            progress.batch = loader.next_batch
            images += sum(len(batch.labels) for batch in group)
            if progress.step % self.log_every == 0:
                self._log_step(lr, images / (time.perf_counter() - since))
                images, since = 0, time.perf_counter()
            every = self.recipe.checkpoint_every_steps
            if every is not None and progress.step % every == 0:
                self.save()
            self.stop.obey()

    def _log_step(self, lr: float, speed: float) -> None:
        progress = self.session.progress
        event = {
            "event": "step",
            "epoch": progress.epoch,
            "step": progress.step,
            "loss": self.session.meter.read(progress.step),
            "lr": lr,
            "images_per_second": speed,
        }
        self.tell(event)

    def _close_epoch(self) -> None:
        """Evaluate, note the epoch, write the checkpoints."""
        session, progress = self.session, self.session.progress
        session.meter.check(progress.step)
        result = self.evaluate()
        row = self._row(result)
        progress.history.append(row)
        progress.epoch, progress.batch = progress.epoch + 1, 0
        progress.step = progress.epoch * session.steps_per_epoch  # fewer, where whole batches were broken
        self.tell({"event": "epoch", **row})
        write_summary(self.folder.summary, progress.history)
        if result.top1 > progress.best_top1:
            progress.best_top1, progress.best_epoch = result.top1, row["epoch"]
            save_checkpoint(self.folder.best, session.weights())
        self.save()

    def evaluate(self) -> Result:
        """The evaluation pictures through the judged network; Interrupted where a stop is asked for meanwhile."""
        session = self.session
        predictions = predict(
            session.judged_network,
            session.parts.val_loader,
            device=self.fabric.device,
            precision=self.recipe.precision,
            progress=self.stop.obey,
        )
        session.note_skipped()
        skipped = len(session.progress.skipped["val"])
        self.result = Result.of(predictions, session.parts.classes, skipped=skipped, about=session.parts.about())
        return self.result

    def _row(self, result: Result) -> dict[str, Any]:
        session = self.session
        train_loss, train_top1 = session.meter.epoch_means()
        last = max(0, session.progress.step - 1)
        return {
            "epoch": session.progress.epoch,
            "train_loss": train_loss,
            "eval_loss": result.loss,
            "eval_top1": result.top1,
            "eval_top5": result.top5,
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
        state = {**self.session.state(), "journal_bytes": self.journal.size()}
        save_checkpoint(self.folder.last, state)
        self.session.meter.checkpoint = str(self.folder.last)
        event = {"event": "checkpoint", "path": str(self.folder.last), "step": self.session.progress.step}
        self.tell(event)

    def tell(self, event: Mapping[str, Any]) -> None:
        """Write an event into the journal and hand it to the listener."""
        self.journal.write(event)
        try:
            self.listen(event)
        except KeyboardInterrupt:
            self.stop.request()


def _grouped(batches: Iterator[Batch], size: int) -> Iterator[list[Batch]]:
    """Lists of ``size`` batches; the last one may be shorter."""
    while group := list(islice(batches, size)):
        yield group
