"""What happens around a training: signals to its whole group, a terminal that closes, a reader who leaves."""

import os
import signal
import subprocess
import sys
from functools import partial

import pytest

from covpool.models import restore_network
from covpool.training import read_journal, train
from covpool.training.run import load_checkpoint
from faults.dying import PATIENCE
from faults.watching import await_step
from tiny_runs import tiny_pictures, tiny_recipe


def started(run, *more):
    command = [sys.executable, "-m", "covpool", "train", "small/digits", "--run", str(run), "--device", "cpu"]
    command += ["--log", "none", "--checkpoint_every_steps", "100000", *more]
    heard = partial(signal.signal, signal.SIGHUP, signal.SIG_DFL)  # also where the tests are run under nohup
    pipes = {"stderr": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, **pipes, start_new_session=True, preexec_fn=heard)


TERM, HUP = signal.SIGTERM, signal.SIGHUP


@pytest.mark.parametrize("numbers", [[TERM], [HUP], [TERM, HUP, TERM]])
def test_what_reaches_the_whole_group_is_answered_by_the_main_process_alone(tmp_path, numbers):
    run = tmp_path / "run"
    process = started(run, "--epochs", "200", "--loader.workers", "2", "--transform.augment", "shift")
    await_step(run, process, patience=PATIENCE)
    for number in numbers:
        os.killpg(process.pid, number)
    said = process.communicate(timeout=PATIENCE)[1]
    assert process.returncode == 143, said
    assert said.count(f"go on with: covpool train --resume {run}") == 1
    assert "Traceback" not in said
    stop = read_journal(run / "journal.jsonl")[-1]
    assert (stop["event"], stop["reason"]) == ("interrupted", "terminated")
    assert load_checkpoint(run / "last.pt")["progress"]["step"] == stop["step"] > 0


def test_a_reader_that_leaves_ends_no_training(tmp_path):
    run = tmp_path / "run"
    with started(run, "--epochs", "3", "--loader.workers", "0") as process:
        process.stderr.close()
        assert process.wait(timeout=PATIENCE) == 0
    assert (run / "result.json").exists()


@pytest.mark.parametrize("name", ["best.pt", "last.pt"])
def test_weights_that_were_damaged_are_no_network(tmp_path, name):
    run = tmp_path / "run"
    train(tiny_recipe(), run, images=tiny_pictures(), device="cpu", log=())
    data = (run / name).read_bytes()
    directory = data.rindex(b"PK\x05\x06")
    attributes = data.rindex(b"PK\x01\x02", 0, data.rindex(b"PK\x06\x06", 0, directory)) + 38
    for place, bit in [(attributes, 0x10), (len(data) // 2, 1), (len(data) // 3, 128)]:
        damaged = bytearray(data)
        damaged[place] ^= bit
        (run / name).write_bytes(damaged)
        with pytest.raises(ValueError, match="not what was written"):
            restore_network(run / name)


def test_scraps_of_a_killed_process_go_when_the_run_goes_on(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    (run / ".last.pt.123.partial").write_bytes(bytes(1000))
    (run / ".last.pt.partial").mkdir()
    train(tiny_recipe(), run, images=tiny_pictures(), device="cpu", log=())
    assert not list(run.glob(".*.partial"))
