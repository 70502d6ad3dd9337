"""How long a training lasts, where it is evaluated, what ends it early; stopped anywhere, it goes on bit for bit."""

import json
from dataclasses import replace

import pytest

from covpool.recipes import Choice, RecipeError
from covpool.training import read_journal, train
from covpool.training.run import load_checkpoint


@pytest.fixture(scope="module")
def timed(recipe_of_module):
    """Six steps of four an epoch: the second epoch is cut short; evaluations at 3, 4 (the epoch's end) and 6."""
    schedule = replace(recipe_of_module.schedule, steps=6, evaluate_every_steps=3, head_epochs=1)
    return replace(recipe_of_module, schedule=schedule)


@pytest.fixture(scope="module")
def straight(timed, pictures, tmp_path_factory):
    run = tmp_path_factory.mktemp("straight") / "run"
    assert train(timed, run, images=pictures, device="cpu", log_every=1).ending == "finished"
    return run


def events_of(run, *kinds):
    return [event for event in read_journal(run / "journal.jsonl") if event["event"] in kinds]


def stop_at(kind, step):
    def listen(event):
        if event["event"] == kind and event["step"] == step:
            raise KeyboardInterrupt

    return listen


def test_a_length_in_steps_cuts_the_last_epoch_short(straight):
    state = load_checkpoint(straight / "last.pt")
    assert (state["progress"]["step"], state["progress"]["epoch"]) == (6, 2)
    rows = state["progress"]["history"]
    assert [(row["epoch"], row["step"]) for row in rows] == [(0, 4), (1, 6)]
    assert json.loads((straight / "result.json").read_text())["about"]["ending"] == "finished"


def test_evaluations_inside_an_epoch_are_told_and_counted(straight):
    seen = [(event["event"], event["step"]) for event in events_of(straight, "evaluation", "epoch")]
    assert seen == [("evaluation", 3), ("epoch", 4), ("epoch", 6)]  # step 6 ends the epoch
    scores = [(event["eval_top1"], event["step"]) for event in events_of(straight, "evaluation", "epoch")]
    progress = load_checkpoint(straight / "last.pt")["progress"]
    assert progress["best_top1"] == max(score for score, _ in scores)
    assert progress["best_step"] == next(step for score, step in scores if score == progress["best_top1"])


def test_an_evaluation_inside_changes_no_weight(timed, straight, pictures, records, tmp_path):
    without = replace(timed, schedule=replace(timed.schedule, evaluate_every_steps=None))
    train(without, tmp_path / "run", images=pictures, device="cpu", log_every=1)
    mine, other = records(tmp_path / "run")["last"], records(straight)["last"]
    assert mine["network"] == other["network"]
    assert mine["optimizer"] == other["optimizer"]


@pytest.mark.parametrize(("kind", "step"), [("step", 2), ("step", 3), ("evaluation", 3), ("epoch", 4), ("step", 6)])
def test_ctrl_c_and_resume_continue_the_very_same_numbers(timed, pictures, straight, records, tmp_path, kind, step):
    run, settings = tmp_path / "run", {"images": pictures, "device": "cpu", "log_every": 1}
    assert train(timed, run, listen=stop_at(kind, step), **settings).ending == "asked"
    assert train(None, run, resume=True, **settings).ending == "finished"
    assert records(run) == records(straight)


def test_a_time_limit_stops_after_each_step_and_resuming_changes_nothing(timed, pictures, straight, records, tmp_path):
    run, settings = tmp_path / "run", {"images": pictures, "device": "cpu", "log_every": 1, "time_limit": 0.0}
    outcome = train(timed, run, **settings)
    assert (outcome.ending, outcome.interrupted) == ("time-limit", True)
    last = read_journal(run / "journal.jsonl")[-1]
    assert (last["event"], last["reason"], last["step"]) == ("interrupted", "time-limit", 1)
    assert last["resume"] == f"covpool train --resume {run}"
    sessions = 1
    while outcome.interrupted:
        outcome, sessions = train(None, run, resume=True, **settings), sessions + 1
    assert sessions <= 10
    assert records(run) == records(straight)


def test_a_long_limit_changes_nothing(timed, pictures, straight, records, tmp_path):
    settings = {"images": pictures, "device": "cpu", "log_every": 1}
    assert train(timed, tmp_path / "run", time_limit=1e6, **settings).ending == "finished"
    assert records(tmp_path / "run") == records(straight)


@pytest.fixture(scope="module")
def hopeless(recipe_of_module):
    """A learning rate too small to change any answer: the first evaluation stays the best one."""
    return replace(
        recipe_of_module,
        optimizer=replace(recipe_of_module.optimizer, lr=1e-12),
        schedule=replace(recipe_of_module.schedule, epochs=50, evaluate_every_steps=3, patience=2, head_epochs=0),
        network=replace(recipe_of_module.network, pool=Choice("avg"), norm_momentum=1e-9),
        ema=None,
    )


def test_patience_ends_the_training_inside_an_epoch_with_a_result(hopeless, pictures, tmp_path):
    run = tmp_path / "run"
    outcome = train(hopeless, run, images=pictures, device="cpu")
    assert (outcome.ending, outcome.interrupted) == ("patience", False)
    scores = [(e["event"], e["step"]) for e in events_of(run, "evaluation", "epoch")]
    assert scores == [("evaluation", 3), ("epoch", 4), ("evaluation", 6), ("epoch", 6)]
    assert json.loads((run / "result.json").read_text())["about"]["ending"] == "patience"
    assert read_journal(run / "journal.jsonl")[-1]["ending"] == "patience"
    again = train(None, run, resume=True, images=pictures, device="cpu")
    assert (again.ending, len(again.history)) == ("patience", 2)


def test_a_run_that_patience_ended_is_the_same_when_interrupted(hopeless, pictures, records, tmp_path):
    settings = {"images": pictures, "device": "cpu", "log_every": 1}
    train(hopeless, tmp_path / "a", **settings)
    outcome = train(hopeless, tmp_path / "b", time_limit=0.0, **settings)
    while outcome.interrupted:
        outcome = train(None, tmp_path / "b", resume=True, time_limit=0.0, **settings)
    assert records(tmp_path / "a") == records(tmp_path / "b")


def test_lengths_below_one_are_told_together(recipe, pictures, tmp_path):
    schedule = replace(recipe.schedule, steps=0, evaluate_every_steps=0, patience=0)
    with pytest.raises(RecipeError) as caught:
        train(replace(recipe, schedule=schedule), tmp_path / "run", images=pictures)
    assert len(caught.value.mistakes) == 3
