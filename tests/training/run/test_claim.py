"""Two processes never write one run; a process that died keeps nobody out."""

import os
import signal
import subprocess
import sys

import pytest

from covpool.training.run.claim import RunInUse, claimed

HOLD = """
import sys, time
from pathlib import Path
from covpool.training.run.claim import claimed
with claimed(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_the_second_process_is_told_who_is_writing(tmp_path, holder):
    said = rf"process {holder.pid} is writing the run folder .*; stop it"
    with pytest.raises(RunInUse, match=said), claimed(tmp_path):
        pass


def test_a_killed_process_keeps_nobody_out(tmp_path, holder):
    os.kill(holder.pid, signal.SIGKILL)
    holder.wait()
    with claimed(tmp_path):
        assert (tmp_path / ".owner").read_text() == str(os.getpid())


def test_a_folder_is_free_after_an_error(tmp_path):
    with pytest.raises(ZeroDivisionError), claimed(tmp_path):
        raise ZeroDivisionError
    with claimed(tmp_path):
        pass
