"""Each example runs as it stands, in a folder of its own, without a network."""

import subprocess
import sys

import pytest

from house.tree import ROOT, name_of

EXAMPLES = sorted((ROOT / "examples").glob("*.py"))


def run(path, folder):
    return subprocess.run([sys.executable, str(path)], cwd=folder, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("path", EXAMPLES, ids=name_of)
def test_an_example_runs_and_writes_nothing_but_its_output(path, tmp_path):
    done = run(path, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout
    assert list(tmp_path.iterdir()) == []


def test_the_network_with_the_invented_pool_learns(tmp_path):
    numbers = [float(word) for word in run(ROOT / "examples" / "invent_a_pool.py", tmp_path).stdout.split()[1::2]]
    assert numbers[1] < numbers[0] / 2
