"""Locks end with their process."""

import os
import signal
import subprocess
import sys

from covpool.studies.sweep.holding import Hold, holding, lock

CHILD = """
import sys, time
from pathlib import Path
from covpool.studies.sweep.holding import Hold
hold = Hold.of(Path(sys.argv[1]))
assert hold is not None
print("held", flush=True)
time.sleep(60)
"""


def test_a_lock_is_free_as_soon_as_its_process_is_killed(tmp_path):
    path = lock(tmp_path, "0000")
    program = CHILD.replace("from covpool.studies.sweep.holding import Hold", _only_the_module())
    with subprocess.Popen([sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE) as child:
        assert child.stdout.readline() == b"held\n"
        assert Hold.of(path) is None
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        hold = Hold.of(path)
    assert hold is not None
    hold.release()
    hold.release()


def _only_the_module() -> str:
    """The lock alone, without the libraries that the package around it loads."""
    from covpool.studies.sweep import holding as module

    return (
        "import importlib.util as u; s = u.spec_from_file_location('h', "
        f"{module.__file__!r}); m = u.module_from_spec(s); s.loader.exec_module(m); Hold = m.Hold"
    )


def test_a_block_gives_its_lock_back(tmp_path):
    with holding(tmp_path / "a"):
        pass
    hold = Hold.of(tmp_path / "a")
    assert hold is not None
    hold.release()
