"""How trials end."""

import pytest

from covpool.studies.sweep.shared import SharedStudy, optuna
from covpool.studies.sweep.trial import run_trial
from covpool.training import read_journal
from studies.sweep.test_plan import plan
from studies.tiny import source


def run(shared: SharedStudy, listen=lambda event: None, time_limit=None):
    return run_trial(shared, shared.take(None), images=source(), listen=listen, device="cpu", time_limit=time_limit)


def test_a_finished_trial_has_the_metric_of_its_last_epoch(tmp_path):
    shared = SharedStudy(plan("optimizer.lr=1e-3..1e-2", metric="loss"), tmp_path)
    ended = run(shared)
    epochs = [e for e in read_journal(shared.run_folder(0) / "journal.jsonl") if e["event"] == "epoch"]
    (trial,) = shared.study.trials
    assert ended.value == trial.value == epochs[-1]["eval_loss"]
    assert trial.intermediate_values == {e["epoch"] + 1: e["eval_loss"] for e in epochs}


def test_the_pruner_stops_a_trial_in_its_first_epochs(tmp_path, monkeypatch):
    shared = SharedStudy(plan(), tmp_path)
    monkeypatch.setattr(type(shared.study.pruner), "prune", lambda self, study, trial: True)
    assert run(shared).how == "pruned"
    (trial,) = shared.study.trials
    assert trial.state == optuna().trial.TrialState.PRUNED
    assert list(trial.intermediate_values) == [1]
    assert (shared.run_folder(0) / "last.pt").exists()


def test_the_median_decides_what_is_stopped(tmp_path):
    shared = SharedStudy(plan("optimizer.lr=1e-3..1e-2", "schedule.epochs=4"), tmp_path)
    for _ in range(5):
        taken = shared.take(None)
        for epoch in (1, 2, 3, 4):
            taken.trial.report(2.0, epoch)  # nothing reaches this
        taken.hold.release()
        shared.study.tell(taken.trial.number, 2.0)
    assert run(shared).how == "pruned"
    assert len(shared.study.trials[5].intermediate_values) == 2  # the first epoch is left to warm up


def test_ctrl_c_leaves_a_trial_that_goes_on_with_the_same_numbers(tmp_path):
    whole = SharedStudy(plan(), tmp_path / "whole")
    run(whole)

    def interrupted(event):
        if event["event"] == "epoch" and event["epoch"] == 0:
            raise KeyboardInterrupt

    shared = SharedStudy(plan(), tmp_path / "parted")
    assert run(shared, interrupted).how == "asked"
    assert shared.study.trials[0].state == optuna().trial.TrialState.RUNNING
    assert run(shared).how == "finished"
    (mine,), (theirs,) = shared.study.trials, whole.study.trials
    assert mine.intermediate_values == theirs.intermediate_values
    assert mine.value == theirs.value


def test_the_end_of_the_time_leaves_it_too(tmp_path):
    shared = SharedStudy(plan(), tmp_path)
    assert run(shared, time_limit=1e-3).how == "time-limit"
    assert run(shared).how == "finished"
    assert len(shared.study.trials) == 1


def test_a_loss_that_is_no_number_is_a_fact_about_the_values(tmp_path):
    shared = SharedStudy(
        plan("optimizer.lr=1e18..1e19", "optimizer.name=sgd", "optimizer.clip_grad_norm=none"), tmp_path
    )
    ended = run(shared)
    assert ended.how == "pruned"
    assert "finite" in ended.reason
    assert shared.study.trials[0].state == optuna().trial.TrialState.PRUNED


def test_a_trial_that_cannot_be_trained_fails_with_its_reason(tmp_path):
    shared = SharedStudy(plan("seed=0..9", "network.num_classes=2"), tmp_path)
    ended = run(shared)
    assert ended.how == "failed"
    assert "needs at least the 3 classes" in shared.study.trials[0].user_attrs["reason"]


def test_what_was_left_before_a_run_began_is_cleared_away(tmp_path):
    shared = SharedStudy(plan(), tmp_path)
    shared.run_folder(0).mkdir(parents=True)
    (shared.run_folder(0) / ".recipe.yaml.1.partial").write_text("half")
    assert run(shared).how == "finished"


@pytest.mark.parametrize("value", [0.25])
def test_events_bear_the_number_of_their_trial(tmp_path, value):
    heard = []
    run(SharedStudy(plan(), tmp_path), heard.append)
    assert {event["row"] for event in heard} == {"trial 0"}
