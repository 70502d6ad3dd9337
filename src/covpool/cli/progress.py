"""Events become a display on stderr: bars on a terminal, a line for each epoch or run elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from covpool.cli.live import LiveTable
from covpool.cli.options import tell
from covpool.reporting.numerals import count, duration, percent, short

Event = Mapping[str, Any]
Listener = Callable[[Event], None]


@contextmanager
def listening(quiet: bool = False, *, table: bool = False) -> Iterator[Listener]:
    """A listener for ``train`` and ``compare``; ``quiet`` hears nothing.

    On a terminal: bars, or for one training the live ``table`` of its evaluations. Elsewhere: plain lines.
    """
    if quiet:
        yield lambda event: None
        return
    console = Console(stderr=True)
    if not console.is_terminal:
        yield Lines()
        return
    if table:
        with LiveTable(console, summary_line, _end_line) as live:
            yield live
        return
    with _bars(console) as progress:
        yield Bars(progress)


@contextmanager
def counting(what: str, quiet: bool = False) -> Iterator[Callable[[int, int], None]]:
    """A function of (done, total) for a plain count; off a terminal it shows nothing."""
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield lambda done, total: None
        return
    with _bars(console) as progress:
        task = progress.add_task(what, total=None, info="")
        yield lambda done, total: progress.update(task, completed=done, total=total)


def _bars(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=28),
        MofNCompleteColumn(),
        TextColumn("{task.fields[info]}"),
        TimeRemainingColumn(compact=True),
        console=console,
        transient=True,
    )


class Lines:
    """Plain lines: one an epoch of a training, one a run of a comparison."""

    def __init__(self) -> None:
        self._runs, self._done, self._extracting = 0, 0, False

    def __call__(self, event: Event) -> None:
        """Show one event, if it is worth a line."""
        line = self._line(event)
        if line:
            tell(line)

    def _line(self, event: Event) -> str:
        kind, inside = event["event"], "row" in event
        if kind == "compare-start":
            self._runs = len(event["rows"]) * event["seeds"]
            return f"{self._runs} runs: {len(event['rows'])} rows, seeds: {event['seeds']}"
        if kind == "row-end":
            self._done += 1
            return f"{self._done}/{self._runs}  {event['row']}, seed {event['seed']}: {percent(event['top1'])} %"
        if kind == "extract":
            first, self._extracting = not self._extracting, event["done"] < event["total"]
            return f"reading the features of {count(event['total'])} images" if first and self._extracting else ""
        return "" if inside else _training_line(event)


def _training_line(event: Event) -> str:
    if event["event"] == "start":
        return summary_line(event)
    if event["event"] == "epoch":
        return _epoch_line(event)
    if event["event"] == "evaluation":
        return (
            f"step {count(event['step'])}: validation loss {event['eval_loss']:.3f}, top-1 "
            f"{percent(event['eval_top1'])} %, {duration(event['seconds'])}"
        )
    return _end_line(event) if event["event"] == "end" else ""


class Bars:
    """Bars: the runs of a comparison, and the steps of the training at work."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._runs: TaskID | None = None
        self._task: TaskID | None = None
        self._top1 = ""

    def __call__(self, event: Event) -> None:
        """Show one event."""
        show = getattr(self, f"_{event['event'].replace('-', '_')}", None)
        if show:
            show(event)

    def _compare_start(self, event: Event) -> None:
        total = len(event["rows"]) * event["seeds"]
        self._runs = self._progress.add_task("all runs", total=total, info="")

    def _row_start(self, event: Event) -> None:
        self._open(f"{event['row']}, seed {event['seed']}", None)

    def _row_end(self, event: Event) -> None:
        self._close()
        self._progress.console.print(
            f"{event['row']}, seed {event['seed']}: {percent(event['top1'])} %", highlight=False
        )
        if self._runs is not None:
            self._progress.advance(self._runs)

    def _extract(self, event: Event) -> None:
        if self._task is None:
            self._open("reading features", event["total"])
        if self._task is not None:
            self._progress.update(self._task, completed=event["done"], total=event["total"])
        if event["done"] >= event["total"]:
            self._close()

    def _start(self, event: Event) -> None:
        if "row" not in event:
            self._progress.console.print(summary_line(event), highlight=False)
        name = f"{event['row']}, seed {event['seed']}" if "row" in event else "training"
        self._open(name, event.get("steps", event["epochs"] * event["steps_per_epoch"]))
        self._update(completed=event.get("step", 0))

    def _step(self, event: Event) -> None:
        self._update(completed=event["step"], info=f"loss {event['loss']:.3f}{self._top1}")

    def _epoch(self, event: Event) -> None:
        self._top1 = f", top-1 {percent(event['eval_top1'])} %"
        if "row" not in event:
            self._progress.console.print(_epoch_line(event), highlight=False)
        self._update(info=f"loss {event['train_loss']:.3f}{self._top1}")

    def _end(self, event: Event) -> None:
        self._close()
        if "row" not in event:
            self._progress.console.print(_end_line(event), highlight=False)

    def _open(self, name: str, total: int | None) -> None:
        self._close()
        self._top1 = ""
        self._task = self._progress.add_task(name, total=total, info="")

    def _update(self, **values: Any) -> None:
        if self._task is not None:
            self._progress.update(self._task, **values)

    def _close(self) -> None:
        if self._task is not None:
            self._progress.remove_task(self._task)
            self._task = None


def summary_line(event: Event) -> str:
    """What is about to be trained, from the start event of a training."""
    made = event["summary"]
    reduced = f" -> {made['reduce_to']}" if made["reduce_to"] else ""
    return "\n".join(
        [
            f"{made['backbone']} with {made['pool']}: {made['feature_channels']} channels{reduced} -> "
            f"{count(made['out_features'])} numbers -> {made['classes']} classes, "
            f"{short(made['parameters'])} parameters{_parts(made)}",
            f"{count(made['train_images'])} training and {count(made['val_images'])} validation images at "
            f"{made['image_size']} px, {_length(event)} on {made['device']}",
            *_cost_lines(made),
        ]
    )


def _parts(made: Mapping[str, Any]) -> str:
    parts = made.get("parameters_by_part")
    return f" ({', '.join(f'{name} {short(number)}' for name, number in parts.items())})" if parts else ""


def _length(event: Event) -> str:
    per_epoch, steps = event["steps_per_epoch"], event.get("steps")
    if steps is None or steps == event["epochs"] * per_epoch:
        total = "" if steps is None or event["epochs"] == 1 else f" ({count(steps)} in all)"
        return f"{event['epochs']} epochs of {per_epoch} steps{total}"
    return f"{count(steps)} steps, {per_epoch} an epoch,"


def _cost_lines(made: Mapping[str, Any]) -> list[str]:
    if "flops" not in made:
        return []
    return [
        f"{short(made['flops'])}FLOP forward an image; about {short(made['estimated_bytes'])}B for weights "
        f"and activations of a batch of {made['batch_size']} (estimated)"
    ]


def _epoch_line(event: Event) -> str:
    return (
        f"epoch {event['epoch'] + 1}: loss {event['train_loss']:.3f}, validation loss {event['eval_loss']:.3f}, "
        f"top-1 {percent(event['eval_top1'])} %, {duration(event['seconds'])}"
    )


def _end_line(event: Event) -> str:
    skipped = sum(event.get("skipped", {}).values())
    how = "no better result for long enough, finished" if event.get("ending") == "patience" else "finished"
    return (
        f"{how}: top-1 {percent(event['eval_top1'])} %, best {percent(event['best_top1'])} % "
        f"after epoch {event['best_epoch'] + 1}, {duration(event['seconds'])}"
        + (f"; {skipped} broken images were skipped" if skipped else "")
    )
