"""The live table shows every evaluation, the best one so far, and leaves the table on the screen."""

import io

from rich.console import Console

from covpool.cli.live import LiveTable

EVENTS = [
    {"event": "start", "steps": 40, "step": 0},
    {"event": "step", "step": 10, "loss": 1.25, "lr": 0.1, "images_per_second": 100.0},
    {"event": "evaluation", "epoch": 0, "step": 10, "eval_loss": 0.7, "eval_top1": 0.875, "seconds": 1.0},
    {"event": "checkpoint", "path": "x"},
    {"event": "epoch", "epoch": 0, "step": 20, "train_loss": 1.0, "eval_loss": 0.9, "eval_top1": 0.5, "lr": 0.05,
     "seconds": 2.0},
    {"event": "end", "eval_top1": 0.5},
]  # fmt: skip


def screen_of(events):
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=100)
    with LiveTable(console, lambda event: "what is trained", lambda event: "how it ended") as show:
        for event in events:
            show(event)
    return screen.getvalue()


def test_evaluations_become_rows_and_the_ends_become_lines():
    screen = screen_of(EVENTS)
    for text in ("what is trained", "how it ended", "val. loss", "0.700", "87.5", "0.900", "50.0", "0.05"):
        assert text in screen
    assert "loss 1.250, lr 0.1, 100 images/s" in screen_of(EVENTS[:2])
    assert "10/40" in screen_of(EVENTS[:2])


def test_the_last_picture_is_the_table_with_the_best_score_in_each_row():
    rows = [line.split() for line in screen_of(EVENTS).splitlines() if line.split()[-2:] == ["2.0", "s"]]
    assert rows[-1] == ["1", "20", "1.000", "0.900", "50.0", "87.5", "0.05", "2.0", "s"]


def test_a_training_without_an_evaluation_leaves_no_table():
    assert "val. loss" not in screen_of(EVENTS[:2])
