"""What creeps is told, what does not is not, whatever single samples say."""

import subprocess
import sys

import numpy as np
import pytest

from house.tree import ROOT

sys.path.insert(0, str(ROOT / "benchmarks"))
import creep


def samples(count=80, *, mb=0.0, ms=0.0):
    """Noise with outliers, and a growth in 1,000 steps."""
    noise = np.random.default_rng(0)
    return [
        {
            "step": 50 * i,
            "mb": 600 + mb * 0.05 * i + noise.normal(0, 0.1) + 80 * (i % 9 == 0),
            "ms": 10 + ms * 0.05 * i + noise.normal(0, 0.1) + 500 * (i % 7 == 0),
        }
        for i in range(count)
    ]


def rests(count=12, *, mb=0.0, **grown):
    return [
        {"step": 500 * i, "mb": 540 + mb * 0.5 * i, "files": 6, "processes": 0, "shared": 0}
        | {name: each * i for name, each in grown.items()}
        for i in range(count)
    ]


def test_noise_and_outliers_are_no_growth():
    assert creep.complaints(samples(), rests()) == []


@pytest.mark.parametrize(
    ("work", "rest", "said"),
    [
        ({"mb": 2.0}, {}, "while training, with its workers, grows by"),
        ({}, {"mb": 2.0}, "between trainings grows by 2.00 MB"),
        ({"ms": 2.0}, {}, "slower from the beginning to the end"),
        ({}, {"files": 1}, "8 open files more"),
        ({}, {"processes": 1}, "8 child processes more"),
        ({}, {"shared": 1}, "8 stretches of shared memory more"),
    ],
)
def test_each_kind_of_growth_is_told(work, rest, said):
    (sentence,) = creep.complaints(samples(**work), rests(**rest))
    assert said in sentence


def test_a_run_that_is_too_short_is_not_taken_for_a_sound_one():
    assert "too short" in creep.complaints(samples(9), rests(3))[0]


def test_what_a_process_holds_is_seen(tmp_path):
    before = creep.sample()
    with (tmp_path / "file").open("w"), subprocess.Popen(["cat"], stdin=subprocess.PIPE) as child:
        held = np.ones(10_000_000)
        after = creep.sample()
        child.stdin.close()
    assert after["files"] == before["files"] + 2  # the file, and the pipe
    assert after["processes"] == before["processes"] + 1
    assert after["mb"] > before["mb"] + 0.9 * held.nbytes / 1e6
