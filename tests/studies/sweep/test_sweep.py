"""Sweeps from end to end: several processes, one of them killed."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from covpool.recipes import Recipe
from covpool.studies.sweep import Plan, SweepError, read_space, sweep
from covpool.training import read_journal, train
from studies.tiny import recipe, source

CHILD = Path(__file__).with_name("child.py")


def plan(*words: str) -> Plan:
    return Plan(recipe=recipe(), space=read_space(words or ("optimizer.lr=1e-3..1e-2:log",)))


def test_the_best_recipe_trains(tmp_path):
    heard = []
    results = sweep(plan(), tmp_path / "s", trials=2, images=source(), device="cpu", listen=heard.append)
    assert [e["trial"] for e in heard if e["event"] == "trial-end"] == [0, 1]
    best = Recipe.from_yaml((tmp_path / "s" / "best.yaml").read_text())
    outcome = train(best, tmp_path / "run", images=source(), device="cpu")
    value = results["trials"][results["best"]]["value"]
    assert outcome.history[-1]["eval_top1"] == value
    more = sweep(None, tmp_path / "s", trials=3, images=source(), device="cpu")
    assert [record["state"] for record in more["trials"]] == ["finished"] * 3


def test_ctrl_c_ends_the_sweep_and_the_next_call_goes_on(tmp_path):
    def interrupted(event):
        if event["event"] == "epoch":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sweep(plan(), tmp_path / "s", trials=1, images=source(), device="cpu", listen=interrupted)
    assert json.loads((tmp_path / "s" / "sweep.json").read_text())["trials"][0]["state"] == "running"
    results = sweep(None, tmp_path / "s", trials=1, images=source(), device="cpu")
    assert [record["state"] for record in results["trials"]] == ["finished"]


def test_three_failures_in_a_row_end_it(tmp_path):
    with pytest.raises(SweepError, match="3 trials in a row failed; the last: RecipeError"):
        sweep(plan("seed=0..9", "network.num_classes=2"), tmp_path / "s", trials=9, images=source(), device="cpu")


def test_another_plan_in_the_same_folder_is_refused(tmp_path):
    sweep(plan(), tmp_path / "s", trials=1, images=source(), device="cpu")
    with pytest.raises(SweepError, match="another plan"):
        sweep(plan("ema=none,0.5"), tmp_path / "s", trials=1, images=source(), device="cpu")


def test_the_time_is_kept(tmp_path):
    results = sweep(plan(), tmp_path / "s", trials=None, time_limit=1e-3, images=source(), device="cpu")
    assert [record["state"] for record in results["trials"]] in ([], ["running"])


@pytest.mark.slow
def test_two_processes_share_a_study_and_the_trial_of_a_killed_one_is_gone_on_with(tmp_path):
    folder = tmp_path / "s"
    base = replace(
        recipe(), data="fake:classes=3,size=12,train=48,val=30", schedule=replace(recipe().schedule, epochs=4)
    )
    folder.mkdir()
    Plan(recipe=base, space=read_space(["optimizer.lr=1e-3..1e-2:log"]), pruner="none").write(folder)
    words = [sys.executable, str(CHILD), str(folder), "4"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    doomed, other = (subprocess.Popen(words, env=environment) for _ in range(2))
    try:
        _wait_for_an_epoch(folder, doomed)
        os.kill(doomed.pid, signal.SIGKILL)
        assert doomed.wait() == -signal.SIGKILL
        assert other.wait(timeout=120) == 0
    finally:
        other.kill()
        other.wait()
    results = sweep(None, folder, trials=4, device="cpu")
    assert [record["state"] for record in results["trials"]] == ["finished"] * 4
    starts = [
        [e for e in read_journal(folder / r["run"] / "journal.jsonl") if e["event"] == "start"]
        for r in results["trials"]
    ]
    assert sorted(len(each) for each in starts) == [1, 1, 1, 2]
    assert all(each[0]["resumed"] is False for each in starts)
    alone = sweep(None, _same_plan(folder, tmp_path / "t"), trials=4, device="cpu")
    mine, theirs = ([(r["values"], r["by_epoch"]) for r in each["trials"]] for each in (results, alone))
    assert mine == theirs


def _wait_for_an_epoch(folder: Path, process) -> None:
    """Until a trial that ``process`` works on has an epoch behind it: its first event names the process's trial."""
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        runs = [path for path in folder.glob("trials/*/journal.jsonl") if _is_of(path, process.pid)]
        if any(event["event"] == "epoch" for path in runs for event in read_journal(path)):
            return
        time.sleep(0.02)
    raise AssertionError("no epoch in 90 seconds")


def _is_of(path: Path, pid: int) -> bool:
    """Whether the process has the journal open."""
    folder = Path(f"/proc/{pid}/fd")
    return any(os.path.realpath(link) == str(path.resolve()) for link in folder.iterdir()) if folder.exists() else False


def _same_plan(folder: Path, other: Path) -> Path:
    other.mkdir()
    Plan.read(folder).write(other)
    return other
