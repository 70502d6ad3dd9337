import io

from rich.console import Console

from covpool.cli.progress import Bars, Lines, _bars, counting, listening

SUMMARY = {
    "backbone": "conv4", "feature_channels": 96, "pool": "isqrt", "reduce_to": 32, "out_features": 528, "classes": 10,
    "parameters": 103_000, "train_images": 1000, "val_images": 370, "image_size": 8, "device": "cpu",
    "precision": "32-true",
}  # fmt: skip
START = {"event": "start", "epochs": 2, "steps_per_epoch": 20, "epoch": 0, "step": 0, "summary": SUMMARY}
STEP = {"event": "step", "epoch": 0, "step": 10, "loss": 1.25, "lr": 0.1, "images_per_second": 100.0}
EPOCH = {"event": "epoch", "epoch": 0, "train_loss": 1.0, "eval_loss": 0.9, "eval_top1": 0.875, "seconds": 2.0}
END = {"event": "end", "eval_top1": 0.9, "best_top1": 0.95, "best_epoch": 0, "seconds": 4.0, "skipped": {"train": 2}}
TRAINING = [START, STEP, {"event": "checkpoint", "path": "x"}, EPOCH, END]
COMPARISON = [
    {"event": "compare-start", "rows": ["conv4/avg", "conv4/isqrt"], "seeds": 1},
    {"event": "row-start", "row": "conv4/avg", "seed": 0},
    *({**event, "row": "conv4/avg", "seed": 0} for event in TRAINING),
    {"event": "row-end", "row": "conv4/avg", "seed": 0, "top1": 0.9},
    {"event": "compare-end"},
]
EXTRACTION = [{"event": "extract", "done": done, "total": 3} for done in (1, 2, 3)]


def lines_of(events, capsys):
    show = Lines()
    for event in events:
        show(event)
    return capsys.readouterr().err.splitlines()


def test_a_training_writes_a_line_an_epoch(capsys):
    assert lines_of(TRAINING, capsys) == [
        "conv4 with isqrt: 96 channels -> 32 -> 528 numbers -> 10 classes, 103 k parameters",
        "1,000 training and 370 validation images at 8 px, 2 epochs of 20 steps on cpu",
        "epoch 1: loss 1.000, validation loss 0.900, top-1 87.5 %, 2.0 s",
        "finished: top-1 90.0 %, best 95.0 % after epoch 1, 4.0 s; 2 broken images were skipped",
    ]


def test_what_a_training_will_cost_is_told_before_it_begins(capsys):
    made = {**SUMMARY, "flops": 1.5e9, "estimated_bytes": 2.5e9, "batch_size": 32, "parameters_by_part": {"pool": 3000}}
    lines = lines_of([{**START, "steps": 30, "summary": made}], capsys)
    assert lines[0].endswith("103 k parameters (pool 3.00 k)")
    assert lines[1].endswith("30 steps, 20 an epoch, on cpu")
    assert lines[2] == (
        "1.50 GFLOP forward an image; about 2.50 GB for weights and activations of a batch of 32 (estimated)"
    )


def test_an_evaluation_inside_an_epoch_and_an_early_end_have_their_lines(capsys):
    inside = {"event": "evaluation", "epoch": 0, "step": 10, "eval_loss": 0.9, "eval_top1": 0.875, "seconds": 2.0}
    lines = lines_of([inside, {**END, "ending": "patience"}], capsys)
    assert lines[0] == "step 10: validation loss 0.900, top-1 87.5 %, 2.0 s"
    assert lines[1].startswith("no better result for long enough, finished: top-1 90.0 %")


def test_a_comparison_writes_a_line_a_run(capsys):
    lines = lines_of([*COMPARISON, *EXTRACTION, *EXTRACTION], capsys)
    assert lines == [
        "2 runs: 2 rows, seeds: 1",
        "1/2  conv4/avg, seed 0: 90.0 %",
        "reading the features of 3 images",
        "reading the features of 3 images",
    ]


def test_bars_take_every_event_and_leave_what_matters_on_the_screen():
    screen = io.StringIO()
    console = Console(file=screen, force_terminal=True, width=100)
    with _bars(console) as progress:
        show = Bars(progress)
        for event in [*TRAINING, *COMPARISON, *EXTRACTION]:
            show(event)
        tasks = {task.description: (task.completed, task.total) for task in progress.tasks}
    assert tasks == {"all runs": (1, 2)}
    assert "epoch 1: loss 1.000" in screen.getvalue()
    assert "conv4/avg, seed 0: 90.0 %" in screen.getvalue()


def test_off_a_terminal_or_when_quiet_nothing_is_animated(capsys):
    with counting("predicting") as tick:
        tick(1, 2)
    with listening(quiet=True) as show:
        show(EPOCH)
    assert capsys.readouterr() == ("", "")
