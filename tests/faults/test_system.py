"""What a system does to a run: full and read-only disks, lost workers, SIGTERM, a second process, jumping clocks."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from covpool.data import WorkerLost
from covpool.training import train
from covpool.training.run import NotWritten, RunInUse, claimed, load_checkpoint
from faults.dying import PATIENCE
from tiny_runs import records_of, tiny_pictures, tiny_recipe

GRACE = 30  # seconds that a cluster leaves between SIGTERM and SIGKILL
SETTINGS = {"images": tiny_pictures(), "device": "cpu", "log_every": 1}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    run = tmp_path_factory.mktemp("undisturbed") / "run"
    train(tiny_recipe(), run, **SETTINGS)
    return records_of(run)


def mount(*words):
    return subprocess.run(["mount", *words], check=False, capture_output=True).returncode == 0


@pytest.fixture
def small_disk(tmp_path):
    place = tmp_path / "disk"
    place.mkdir()
    if not mount("-t", "tmpfs", "-o", "size=64m", "tmpfs", str(place)):
        pytest.skip("mounting a small disk needs more rights than this process has")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill(place):
    with (place / "filling").open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(4096)):
            pass


def at(kind, step, act):
    def listen(event):
        if event["event"] == kind and event["step"] == step:
            act()

    return listen


@pytest.mark.parametrize("step", [1, 4, 6])
def test_a_full_disk_is_named_and_the_run_goes_on_when_there_is_room(undisturbed, small_disk, step):
    run = small_disk / "run"
    recipe = replace(tiny_recipe(), checkpoint_every_steps=1)
    with pytest.raises(NotWritten, match=r"No space left on device.*go on .*--resume"):
        train(recipe, run, listen=at("step", step, lambda: fill(small_disk)), **SETTINGS)
    if step > 1:
        assert load_checkpoint(run / "last.pt")["progress"]["step"] == step - 1
    (small_disk / "filling").unlink()
    train(tiny_recipe(), run, resume=True, **SETTINGS)
    assert records_of(run) == undisturbed


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")  # TensorBoard's own thread
def test_a_disk_that_becomes_read_only_is_named(undisturbed, small_disk):
    run = small_disk / "run"

    def seal():  # over itself, as the disk has files that are open
        assert mount("--bind", str(run), str(run))
        assert mount("-o", "remount,bind,ro", str(run))

    with pytest.raises(NotWritten, match="Read-only file system"):
        train(tiny_recipe(), run, listen=at("checkpoint", 4, seal), **SETTINGS)
    subprocess.run(["umount", "-l", str(run)], check=True)
    train(None, run, resume=True, **SETTINGS)
    assert records_of(run) == undisturbed


def test_a_run_is_not_begun_on_a_disk_that_is_read_only(small_disk):
    if not mount("-o", "remount,ro", str(small_disk)):
        pytest.skip("this system does not remount")
    with pytest.raises(OSError, match="Read-only file system"):
        train(tiny_recipe(), small_disk / "run", **SETTINGS)


def kill_a_worker():
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    names = {child: Path(f"/proc/{child}/cmdline").read_bytes() for child in children}
    workers = [child for child, name in names.items() if b"forkserver" not in name and b"tracker" not in name]
    os.kill(int(workers[0]), signal.SIGKILL)
    time.sleep(0.2)


def test_a_lost_worker_is_named_and_the_run_goes_on(undisturbed, tmp_path):
    recipe = tiny_recipe()
    recipe = replace(recipe, loader=replace(recipe.loader, workers=1))
    with pytest.raises(WorkerLost, match=r"ended by the system .*--resume"):
        train(recipe, tmp_path / "run", listen=at("step", 6, kill_a_worker), **SETTINGS)
    train(tiny_recipe(), tmp_path / "run", resume=True, **SETTINGS)
    assert records_of(tmp_path / "run")["journal"] == undisturbed["journal"]
    assert records_of(tmp_path / "run")["last"]["network"] == undisturbed["last"]["network"]


def test_a_corrupt_checkpoint_gives_way_to_the_one_before(undisturbed, tmp_path, caplog):
    run = tmp_path / "run"
    recipe = replace(tiny_recipe(), checkpoint_every_steps=1)
    train(recipe, run, listen=at("step", 6, lambda: signal.raise_signal(signal.SIGINT)), **SETTINGS)
    assert load_checkpoint(run / "last.pt")["progress"]["step"] == 6
    data = bytearray((run / "last.pt").read_bytes())
    del data[len(data) // 2 :]
    (run / "last.pt").write_bytes(data)
    train(tiny_recipe(), run, resume=True, **SETTINGS)
    assert "going on from the checkpoint before it" in caplog.text
    assert records_of(run) == undisturbed


def test_clocks_that_jump_change_nothing(undisturbed, tmp_path, monkeypatch):
    jumps = iter(range(10**9, 0, -(10**5)))
    monkeypatch.setattr(time, "time", lambda: float(next(jumps)))
    train(tiny_recipe(), tmp_path / "run", **SETTINGS)
    assert records_of(tmp_path / "run") == undisturbed


def test_the_second_process_refuses_and_leaves_the_run_alone(undisturbed, tmp_path):
    run = tmp_path / "run"

    def second():
        with pytest.raises(RunInUse, match="is writing the run folder"), claimed(run):
            pass
        with pytest.raises(RunInUse, match="is writing the run folder"):
            train(None, run, resume=True, **SETTINGS)

    train(tiny_recipe(), run, listen=at("step", 2, second), **SETTINGS)
    assert records_of(run) == undisturbed


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_polite_kill_saves_and_says_so_with_its_exit_code(tmp_path, number, code):
    run = tmp_path / "run"
    command = [sys.executable, "-m", "covpool", "train"]
    recipe = ["small/digits", "--run", str(run), "--epochs", "50", "--checkpoint_every_steps", "1000"]
    process = subprocess.Popen([*command, *recipe], stderr=subprocess.PIPE, text=True)
    journal = run / "journal.jsonl"
    deadline = time.monotonic() + PATIENCE
    while not (journal.exists() and '"event": "step"' in journal.read_text()) and time.monotonic() < deadline:
        assert process.poll() is None, process.stderr.read()
        time.sleep(0.1)
    process.send_signal(number)
    said = process.communicate(timeout=GRACE)[1]
    assert process.returncode == code, said
    assert f"go on with: covpool train --resume {run}" in said
    step = load_checkpoint(run / "last.pt")["progress"]["step"]
    assert step > 0
