"""The training at work on a terminal: a table of its evaluations that grows, and a bar of its steps below."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from rich.console import Console, Group
from rich.live import Live
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from covpool.reporting.numerals import duration, percent

COLUMNS = ("epoch", "step", "loss", "val. loss", "top-1 %", "best %", "lr", "time")
ROWS = 12  # the older ones scroll away above the table


class LiveTable:
    """A listener for ``train``; use it as a context manager.

    Args:
        summary: start event -> the lines above the table.
        ending: end event -> the line below it.
    """

    def __init__(self, console: Console, summary: Any, ending: Any) -> None:
        self._summary, self._ending = summary, ending
        self._rows: deque[tuple[str, ...]] = deque(maxlen=ROWS)
        self._best = -1.0
        self._progress = Progress(
            TextColumn("training"),
            BarColumn(bar_width=28),
            MofNCompleteColumn(),
            TextColumn("{task.fields[info]}"),
            TimeRemainingColumn(compact=True),
            console=console,
        )
        self._task = self._progress.add_task("", total=None, info="")
        self._live = Live(self._picture(), console=console, refresh_per_second=4)

    def __enter__(self) -> LiveTable:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._rows:
            self._live.update(self._table())
        self._live.stop()

    def __call__(self, event: Mapping[str, Any]) -> None:
        """Show one event."""
        show = getattr(self, f"_{event['event']}", None)
        if show is not None:
            show(event)
            self._live.update(self._picture())

    def _start(self, event: Mapping[str, Any]) -> None:
        self._live.console.print(self._summary(event), highlight=False)
        self._progress.update(self._task, total=event["steps"], completed=event["step"])

    def _step(self, event: Mapping[str, Any]) -> None:
        info = f"loss {_short(event['loss'])}, lr {event['lr']:.2g}, {event['images_per_second']:.0f} images/s"
        self._progress.update(self._task, completed=event["step"], info=info)

    def _evaluation(self, event: Mapping[str, Any]) -> None:
        self._add(event, "", "", "")

    def _epoch(self, event: Mapping[str, Any]) -> None:
        self._add(event, str(event["epoch"] + 1), _short(event["train_loss"]), f"{event['lr']:.2g}")
        self._progress.update(self._task, completed=event["step"])

    def _end(self, event: Mapping[str, Any]) -> None:
        self._live.console.print(self._ending(event), highlight=False)

    def _add(self, event: Mapping[str, Any], epoch: str, loss: str, lr: str) -> None:
        self._best = max(self._best, event["eval_top1"])
        scores = (percent(event["eval_top1"]), percent(self._best))
        place = (epoch, str(event["step"]), loss, _short(event["eval_loss"]))
        self._rows.append((*place, *scores, lr, duration(event["seconds"])))

    def _picture(self) -> Group:
        return Group(self._table(), self._progress) if self._rows else Group(self._progress)

    def _table(self) -> Table:
        table = Table(*COLUMNS, box=None, pad_edge=False)
        for column in table.columns:
            column.justify = "right"
        for row in self._rows:
            table.add_row(*row)
        return table


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"
