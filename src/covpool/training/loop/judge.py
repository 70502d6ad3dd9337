"""The evaluation pictures through the network that is judged: what came out, and whether it is the best so far."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from covpool.evaluation.answers.merging import merge_predictions
from covpool.evaluation.predict import Predictions, predict
from covpool.evaluation.result import Result
from covpool.training.logging import PICTURES, Sight, look_inside
from covpool.training.loop.interrupt import Interrupted, StopSwitch
from covpool.training.loop.session import Session
from covpool.training.loop.together import obey_together


class Judge:
    """Evaluates a session and keeps count of its best evaluation.

    Attributes:
        result: the latest evaluation, or None.
    """

    def __init__(self, session: Session, stop: StopSwitch) -> None:
        self.session, self.stop = session, stop
        self.result: Result | None = None
        self._pictures: Tensor | None = None

    def evaluate(self) -> Result:
        """The evaluation pictures through the judged network; Interrupted where a stop is asked for meanwhile."""
        session = self.session
        found = self._predictions()
        session.note_skipped()
        self.result = session.ranks.share(self._result(found) if found else None)
        assert self.result is not None
        return self.result

    def _predictions(self) -> list[Predictions]:
        """Those of all processes, at the first one; each has looked at its own pictures."""
        session, own = self.session, None
        try:
            own = predict(
                session.alone(session.judged_network),
                session.parts.val_loader,
                device=session.fabric.device,
                precision=session.recipe.precision,
                progress=self.stop.obey,
            )
        except Interrupted:
            if not session.ranks.are_several:
                raise
        if session.ranks.are_several:
            session.ranks.wait()  # the one that was stopped in the middle waits for those that look at all pictures
            obey_together(self.stop, session.ranks)
        assert own is not None
        return session.ranks.gather(own)

    def _result(self, found: list[Predictions]) -> Result:
        session, predictions = self.session, found[0] if len(found) == 1 else merge_predictions(found)
        skipped = len(session.progress.skipped["val"])
        keys = [session.parts.val_loader.images.keys[index] for index in predictions.indices.tolist()]
        about = session.parts.about()
        return Result.of(predictions, session.parts.classes, skipped=skipped, keys=keys, about=about)

    def look(self) -> Sight:
        """What is inside the head of the judged network for the first pictures of evaluation, always the same ones."""
        session = self.session
        if self._pictures is None:
            images = next(iter(session.parts.val_loader.epoch(0))).images
            shown = session.ranks.rows(images.flatten(0, -4)[:PICTURES].to(session.fabric.device))
            # of the first batch, as one process has it: one picture too many for that may have joined it
            self._pictures = shown[: session.recipe.loader.batch_size][:PICTURES]
        return look_inside(session.alone(session.judged_network), self._pictures, session.recipe)

    def result_of_now(self) -> Result:
        """The evaluation of the weights as they are: the latest one, where it was after the last step."""
        fresh = self.session.progress.evaluated == self.session.progress.step
        return self.result if fresh and self.result is not None else self.evaluate()

    def is_due(self) -> bool:
        """Whether an evaluation inside the epoch is to be done at this step and is not done yet."""
        progress, every = self.session.progress, self.session.recipe.schedule.evaluate_every_steps
        if every is None or progress.evaluated == progress.step:
            return False
        return progress.step % every == 0 and progress.step < self.session.epoch_end()

    def count(self, result: Result) -> bool:
        """Count an evaluation once; True where it is the best so far. The patience of the schedule may end here."""
        progress, patience = self.session.progress, self.session.recipe.schedule.patience
        if progress.evaluated == progress.step:
            return False
        progress.evaluated = progress.step
        best = result.top1 > progress.best_top1
        progress.stale = 0 if best else progress.stale + 1
        if best:
            progress.best_top1, progress.best_epoch, progress.best_step = result.top1, progress.epoch, progress.step
        progress.stopped_early = patience is not None and progress.stale >= patience
        return best


def judged(result: Result) -> dict[str, Any]:
    """What an event tells of an evaluation."""
    return {"eval_loss": result.loss, "eval_top1": result.top1, "eval_top5": result.top5}
