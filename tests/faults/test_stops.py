"""Stops of a training in two processes: all end behind the same step, one of them says so, and the run goes on."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import Shard, distribute_tensor

from covpool.training import NonFiniteLoss, read_journal, train
from covpool.training.distributed import Ranks
from covpool.training.run import RunFolder, load_checkpoint
from faults.dying import FOLDER_MOMENTS, arm, in_a_process
from faults.watching import await_step
from tiny_runs import tiny_pictures
from two_processes import too_fast

PATIENCE = 300  # seconds until two processes have imported what they need, on a busy machine
STRATEGIES = ["ddp", "fsdp"]
SETTINGS = {"images": tiny_pictures(), "device": "cpu", "log_every": 1, "log": ()}


def started(run, strategy, *more):
    command = [sys.executable, "-m", "covpool", "train", "small/digits", "--run", str(run), "--device", "cpu"]
    command += ["--devices", "2", "--strategy", strategy, "--loader.workers", "0", "--log", "none", *more]
    return subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True)


def assert_goes_on(run, strategy, said, reason):
    events = read_journal(run / "journal.jsonl")
    stop = next(event for event in events if event["event"] == "interrupted")
    assert stop["reason"] == reason
    assert said.count("go on with: covpool train --resume") == 1
    assert (run / "last.pt").is_dir() == (strategy == "fsdp")
    assert load_checkpoint(run / "last.pt")["progress"]["step"] == stop["step"] > 0
    assert not (run / "result.json").exists()
    outcome = train(None, run, resume=True, device="cpu", log=(), time_limit=0.0)  # one step in one process
    assert (outcome.ending, load_checkpoint(run / "last.pt")["progress"]["step"]) == ("time-limit", stop["step"] + 1)


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize(
    ("number", "code", "reason"), [(signal.SIGTERM, 143, "terminated"), (signal.SIGINT, 130, "asked")]
)
def test_a_signal_to_the_callers_process_stops_all(tmp_path, strategy, number, code, reason):
    run = tmp_path / "run"
    with started(run, strategy, "--epochs", "200", "--checkpoint_every_steps", "100000") as process:
        await_step(run, process, patience=PATIENCE)
        os.kill(process.pid, number)
        said = process.communicate(timeout=PATIENCE)[1]
    assert process.returncode == code, said
    assert_goes_on(run, strategy, said, "terminated")  # to the others every stop is sent as SIGTERM


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_the_end_of_the_time_stops_all(tmp_path, strategy):
    run = tmp_path / "run"
    with started(run, strategy, "--epochs", "200", "--time-limit", "1s") as process:
        said = process.communicate(timeout=PATIENCE)[1]
    assert process.returncode == 0, said
    assert_goes_on(run, strategy, said, "time-limit")


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_loss_that_is_no_number_stops_all_and_the_doctor_has_looked(tmp_path, strategy):
    run = tmp_path / "run"
    begun = time.monotonic()
    with pytest.raises(NonFiniteLoss, match="the step is kept in") as told:
        train(too_fast(), run, **SETTINGS, devices=2, strategy=strategy)
    assert time.monotonic() - begun < PATIENCE
    events = read_journal(run / "journal.jsonl")
    assert [event["event"] for event in events].count("failed") == 1
    assert str(told.value).startswith("training needs a finite")
    assert {"state.pt", "batch.safetensors", "diagnosis.json"} <= set(os.listdir(run / "doctor"))
    found = json.loads((run / "doctor" / "diagnosis.json").read_text())
    assert found["step"] == told.value.step


def save_and_die(run, place, count):
    """The second checkpoint in shards of a group of one process, which dies at its ``count``-th act of that kind."""
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    mesh, folder = init_device_mesh("cpu", (1,)), RunFolder(run)
    folder.path.mkdir()
    for step in (1, 2, 3):
        if step == 3:
            arm(place, count)
        weight = distribute_tensor(torch.full((4, 3), float(step)), mesh, [Shard(0)])
        folder.save({"weight": weight, "progress": {"step": step}}, Ranks(), mesh)
    os._exit(0)


@pytest.mark.parametrize("place", FOLDER_MOMENTS)
def test_a_kill_in_the_middle_of_shards_leaves_a_whole_checkpoint(tmp_path, place):
    codes = []
    for count in range(1, 8):
        run = RunFolder(tmp_path / f"{count}")
        codes.append(in_a_process(save_and_die, str(run.path), place, count))
        state = run.load()
        assert state["progress"]["step"] in ((2, 3) if codes[-1] else (3,))
        assert state["weight"].eq(state["progress"]["step"]).all()
        if codes[-1] == 0:
            break
    assert codes[0] == -signal.SIGKILL
    assert codes[-1] == 0
