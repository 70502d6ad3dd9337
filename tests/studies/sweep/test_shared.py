"""Who takes which trial."""

import platform

import pytest

from covpool.studies.sweep import SweepError
from covpool.studies.sweep.shared import SharedStudy, _same_place, optuna
from studies.sweep.test_plan import plan


def finish(shared: SharedStudy, taken, value: float = 0.5) -> None:
    taken.hold.release()
    shared.study.tell(taken.trial.number, value)


def abandon(taken) -> None:
    """As when its process dies."""
    taken.hold.release()


def number_of(taken) -> int:
    taken.hold.release()
    return taken.trial.number


def test_trials_are_begun_until_there_are_enough(tmp_path):
    shared = SharedStudy(plan(), tmp_path)
    numbers = []
    while (taken := shared.take(3)) is not None:
        numbers.append(taken.trial.number)
        finish(shared, taken)
    assert numbers == [0, 1, 2]
    assert number_of(shared.take(4)) == 3


def test_what_is_proposed_follows_from_seed_and_history(tmp_path):
    proposed = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        shared = SharedStudy(plan(seed=seed), tmp_path / name)
        values = []
        for _ in range(12):
            shared = SharedStudy(plan(seed=seed), tmp_path / name)  # as after a kill between two trials
            taken = shared.take(None)
            values.append(taken.values["optimizer.lr"])
            finish(shared, taken, 1 - abs(values[-1] - 5e-3))
        proposed.append(values)
    assert proposed[0] == proposed[1]
    assert not set(proposed[0]) & set(proposed[2])
    assert len(set(proposed[0])) == 12


def test_an_abandoned_trial_is_taken_up_before_a_new_one_with_its_values(tmp_path):
    shared = SharedStudy(plan(), tmp_path)
    first = shared.take(2)
    first.trial.report(0.3, 1)
    abandon(first)
    again = SharedStudy(plan(), tmp_path).take(2)
    assert (again.trial.number, again.resumed, again.values) == (0, True, first.values)
    finish(shared, again)
    assert number_of(shared.take(2)) == 1


def test_trials_of_other_machines_are_left_alone_unless_asked(tmp_path, monkeypatch):
    shared = SharedStudy(plan(), tmp_path)
    monkeypatch.setattr(platform, "node", lambda: "elsewhere")
    abandon(shared.take(5))
    monkeypatch.undo()
    mine = shared.take(5)
    assert mine.trial.number == 1
    assert number_of(shared.take(5, take_over=True)) == 0
    abandon(mine)


def test_a_trial_that_kills_its_process_again_and_again_is_given_up(tmp_path):
    shared = SharedStudy(plan(), tmp_path)
    for _ in range(3):
        taken = shared.take(1)
        assert taken.trial.number == 0
        abandon(taken)
    assert shared.take(1) is None
    (trial,) = shared.study.trials
    assert trial.state == optuna().trial.TrialState.FAIL
    assert "ended abruptly 3 times after epoch 0" in trial.user_attrs["reason"]


def test_a_trial_that_gets_on_between_kills_is_not(tmp_path):
    shared = SharedStudy(plan(), tmp_path)
    for epoch in range(1, 9):
        taken = shared.take(1)
        taken.trial.report(0.1, epoch)
        abandon(taken)
    assert number_of(shared.take(1)) == 0


def test_a_trial_that_is_stopped_by_request_is_not_given_up(tmp_path):
    shared = SharedStudy(plan(), tmp_path)
    for _ in range(8):
        taken = shared.take(1)
        shared.left_politely(taken.trial)
        abandon(taken)
    assert number_of(shared.take(1)) == 0


def test_another_plan_on_the_same_study_is_refused(tmp_path):
    SharedStudy(plan(), tmp_path)
    with pytest.raises(SweepError, match="was begun with another plan"):
        SharedStudy(plan(seed=1), tmp_path)


def test_a_database_can_hold_the_study(tmp_path):
    url = f"sqlite:///{tmp_path / 'study.db'}"
    first, second = (SharedStudy(plan(), tmp_path / name / "sweep", url) for name in ("here", "there"))
    assert second.study.study_name == "sweep"
    taken = first.take(1)
    finish(first, taken)
    assert second.take(1) is None
    assert second.study.trials[0].value == 0.5
    assert not (tmp_path / "here" / "sweep" / "study.log").exists()


def test_a_grid_is_tried_once_and_whole(tmp_path):
    mine = plan("seed=0..2", "network.pool=avg,isqrt", sampler="grid")
    shared = SharedStudy(mine, tmp_path)
    seen = []
    while (taken := SharedStudy(mine, tmp_path).take(None)) is not None:
        seen.append(tuple(taken.values.values()))
        finish(shared, taken)
    assert sorted(seen) == [(seed, pool) for seed in range(3) for pool in ("avg", "isqrt")]


def test_a_sweep_stays_where_it_was_begun_and_notes_no_password(tmp_path):
    url = f"sqlite:///{tmp_path / 'study.db'}"
    SharedStudy(plan(), tmp_path / "a", url)
    with pytest.raises(SweepError, match="was begun in the database sqlite"):
        SharedStudy(plan(), tmp_path / "a")
    SharedStudy(plan(), tmp_path / "b")
    with pytest.raises(SweepError, match="was begun in its folder; give no storage"):
        SharedStudy(plan(), tmp_path / "b", url)
    assert _same_place(tmp_path, "postgresql://me:secret@host:5432/sweeps") == "postgresql://me@host:5432/sweeps"


@pytest.mark.parametrize("storage", ["nope://user:secret@x", "sqlite:///no/such/folder/x.db", "no address"])
def test_a_database_that_cannot_be_used_is_a_sentence_and_leaves_no_note(tmp_path, storage):
    with pytest.raises(SweepError, match="cannot be used") as told:
        SharedStudy(plan(), tmp_path / "sweep", storage)
    assert "secret" not in str(told.value)
    SharedStudy(plan(), tmp_path / "sweep")
