"""A signal at any moment of a training in two processes: the documented code, one message, and nobody is left."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from covpool.training import train
from covpool.training.run import RunFolder, load_checkpoint
from faults.stopping import AT_BIRTH
from tiny_runs import tiny_pictures
from two_processes import steady_recipe

PATIENCE = 600
INT, TERM = signal.SIGINT, signal.SIGTERM
TESTS = Path(__file__).parents[1]


def ended(folder, strategy, *faults, **environment):
    """Exit code, what was printed and what was said of a training with these faults."""
    words = ["|".join(map(str, (rank, moment, whom, int(number)))) for rank, moment, whom, number in faults]
    code = "import sys; from faults.stopping import caller; caller(*sys.argv[1:])"
    done = subprocess.run(
        [sys.executable, "-c", code, str(folder), strategy, *words],
        env={**os.environ, "PYTHONPATH": str(TESTS), **environment},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        start_new_session=True,
    )
    assert "Traceback" not in done.stderr, done.stderr
    born = [place.stem for place in folder.glob("*.pid")]
    assert born
    assert not [number for number in born if (Path("/proc") / number).exists()]
    return done.returncode, done.stdout, done.stderr


def assert_goes_on(folder):
    """In this process alone, to the end."""
    run = folder / "run"
    given = {"images": tiny_pictures(), "device": "cpu", "log": ()}
    outcome = train(steady_recipe(), run, resume="if-there", **given)
    assert outcome.ending == "finished"
    assert RunFolder(run).result.exists()


@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
@pytest.mark.parametrize("moment", ["in the first step", "in an evaluation", "in a checkpoint"])
@pytest.mark.parametrize(("whom", "number", "code"), [("caller", TERM, 143), ("group", INT, 130), ("rank", TERM, 143)])
def test_at_work_a_signal_ends_all_behind_the_same_step(tmp_path, strategy, moment, whom, number, code):
    told = ended(tmp_path, strategy, (1 if moment != "in a checkpoint" else 0, moment, whom, number))
    assert told[0] == code, told
    assert load_checkpoint(tmp_path / "run" / "last.pt")["progress"]["step"] > 0
    assert_goes_on(tmp_path)


@pytest.mark.parametrize(("number", "code"), [(TERM, 143), (INT, 130)])
def test_before_the_work_it_ends_them_at_once(tmp_path, number, code):
    told = ended(tmp_path, "ddp", (1, "while they meet", "caller", number))
    assert (told[0], told[2].strip()) == (code, "interrupted")
    assert_goes_on(tmp_path)


def test_ctrl_c_while_the_processes_are_born_is_said_by_their_caller_alone(tmp_path):
    told = ended(tmp_path, "ddp", **{AT_BIRTH: str(tmp_path)})
    assert (told[0], told[2].strip()) == (130, "interrupted")


@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_behind_the_last_step_nothing_is_lost(tmp_path, strategy):
    told = ended(tmp_path, strategy, (1, "after the last step", "caller", TERM))
    assert told[:2] == (0, "finished\n"), told
    assert RunFolder(tmp_path / "run").result.exists()


@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_a_stop_that_reaches_one_process_late_is_a_stop_all_the_same(tmp_path, strategy):
    late = (1, "after the last step", "rank", TERM)  # where a busy machine sends it after the others have saved
    told = ended(tmp_path, strategy, (0, "in the first step", "caller", INT), late)
    assert told[:2] == (130, "asked\n"), told
    assert_goes_on(tmp_path)


def test_a_second_ctrl_c_stops_at_once(tmp_path):
    told = ended(tmp_path, "fsdp", (0, "in the first step", "caller", INT), (0, "in a checkpoint", "caller", INT))
    assert told[0] == 130, told
    assert_goes_on(tmp_path)
