"""A process of a training that is lost: the others stop with a message, and torchrun goes on where it was saved."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from faults.watching import await_step, events

PATIENCE = 240  # seconds until two processes have imported what they need, on a busy machine


def torchrun(run, restarts):
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    command += [f"--max-restarts={restarts}", "-m", "--", "covpool", "train", "small/digits", "--run", str(run)]
    command += ["--resume-if-there", "--device", "cpu", "--steps", "150", "--loader.workers", "0"]
    command += ["--checkpoint_every_steps", "20"]
    return subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)


def kill_rank(number):
    """SIGKILL to the process that torchrun gave this number."""
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            environment = Path(f"/proc/{name}/environ").read_bytes().split(b"\0")
            command = Path(f"/proc/{name}/cmdline").read_bytes().split(b"\0")
            parent = int(re.search(r"PPid:\s+(\d+)", Path(f"/proc/{name}/status").read_text())[1])
        except OSError:
            continue
        if b"RANK=%d" % number in environment and b"covpool" in command and parent in OURS:
            os.kill(int(name), signal.SIGKILL)
            return
    raise AssertionError("no such process")


OURS = set()


@pytest.mark.parametrize("lost", [0, 1])
def test_the_others_stop_within_a_minute_and_torchrun_goes_on(tmp_path, lost):
    run = tmp_path / "run"
    with torchrun(run, restarts=1) as process:
        OURS.add(process.pid)
        await_step(run, process, patience=PATIENCE, step=40)
        kill_rank(lost)
        said = process.communicate(timeout=2 * PATIENCE)[1]
    assert process.returncode == 0, said
    starts = events(run, "start")
    assert [event["resumed"] for event in starts] == [False, True]
    assert starts[1]["step"] >= 20
    assert events(run, "end")[-1]["step"] == 150


def test_without_a_restart_the_others_say_what_happened_and_how_to_go_on(tmp_path):
    run = tmp_path / "run"
    with torchrun(run, restarts=0) as process:
        OURS.add(process.pid)
        await_step(run, process, patience=PATIENCE, step=40)
        kill_rank(1)
        begun = time.monotonic()
        said = process.communicate(timeout=PATIENCE)[1]
    assert time.monotonic() - begun < 60
    assert process.returncode != 0
    assert "process 0 of 2 stops, because another process of this training ended" in said
    assert f"covpool train --resume {run}" in said
