"""Which optimizer step lies in which epoch, where the first stage may have batches of its own size."""

from __future__ import annotations

from dataclasses import dataclass, replace

from covpool.data import Loader
from covpool.recipes import Recipe, ScheduleSpec
from covpool.training.parts.schedule import lr_factor


@dataclass(frozen=True)
class Calendar:
    """Epochs and steps of a training.

    Args:
        schedule: of the recipe.
        steps: optimizer steps of an epoch.
        head_steps: of an epoch of the first stage (``schedule.head_epochs``).

    Example:
        >>> calendar = Calendar(ScheduleSpec(epochs=5, head_epochs=2), steps=10, head_steps=4)
        >>> [calendar.start(epoch) for epoch in range(4)], calendar.total
        ([0, 4, 8, 18], 38)
    """

    schedule: ScheduleSpec
    steps: int
    head_steps: int

    @classmethod
    def of(cls, recipe: Recipe, loader: Loader) -> Calendar:
        """That of a recipe whose training pictures ``loader`` gives."""
        accumulate, schedule = recipe.optimizer.accumulate, recipe.schedule
        return cls(schedule, -(-len(loader) // accumulate), -(-loader.batches(0) // accumulate))

    def start(self, epoch: int) -> int:
        """Steps that are done when ``epoch`` begins."""
        early = min(epoch, self.schedule.head_epochs)
        return early * self.head_steps + (epoch - early) * self.steps

    def end(self, epoch: int) -> int:
        """Steps that are done when ``epoch`` ends."""
        return min(self.start(epoch + 1), self.total)

    @property
    def total(self) -> int:
        """Steps of the whole training."""
        return self.start(self.schedule.epochs) if self.schedule.steps is None else self.schedule.steps

    @property
    def epochs(self) -> int:
        """Epochs of the whole training, a part of one counted as one."""
        early = self.start(self.schedule.head_epochs)
        if self.total <= early:
            return -(-self.total // self.head_steps)
        return self.schedule.head_epochs - (-(self.total - early) // self.steps)

    def lr_factor(self, step: int) -> float:
        """``lr_factor`` of the schedule; the second stage counts as if the first had had epochs as long."""
        early = self.start(self.schedule.head_epochs)
        if step < early:
            return lr_factor(step, self.schedule, self.head_steps)
        shift = self.schedule.head_epochs * self.steps - early
        whole = self.schedule.steps
        moved = self.schedule if whole is None else replace(self.schedule, steps=whole + shift)
        return lr_factor(step + shift, moved, self.steps)
