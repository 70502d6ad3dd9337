"""SIGKILL at a hundred moments: every run that is resumed ends, bit for bit, as the run that nobody disturbed.

FAULT_SEED and FAULT_KILLS draw other moments and more of them (make faults SEED=7 KILLS=500); FAULT_MOMENTS names
them, as dying.MOMENTS does, with the time that counts, or as seconds: "before an evaluation:2, 0.75" is one run that
is killed twice.
"""

import os
import random
import shutil
import signal

import pytest

from covpool.training import train
from faults.dying import MOMENTS, in_a_process, train_tiny
from tiny_runs import records_of, tiny_pictures, tiny_recipe

SEED = int(os.environ.get("FAULT_SEED", "0"))
KILLS = int(os.environ.get("FAULT_KILLS", "100"))
ASKED = os.environ.get("FAULT_MOMENTS", "")
KILLS_A_RUN = 5


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    run = tmp_path_factory.mktemp("undisturbed") / "run"
    train(tiny_recipe(), run, images=tiny_pictures(), device="cpu", log_every=1)
    return records_of(run)


def drawn(number):
    """What happens to run ``number``, without end: half of the moments by name, half by the clock."""
    chance = random.Random(f"{SEED}/{number}")
    while True:
        if chance.random() < 0.5:
            yield chance.choice(list(MOMENTS)), chance.choice([1, 1, 2, 3, 5, 8, 20])
        else:
            yield round(chance.uniform(0.0, 1.5), 4)


def named(words):
    """The moments that FAULT_MOMENTS names."""
    for word in filter(None, (part.strip() for part in words.split(","))):
        name, _, count = word.rpartition(":")
        yield (name, int(count)) if name in MOMENTS else float(word)


def kill_and_compare(run, faults, undisturbed, *, kills):
    """A run is begun, killed and resumed until it was killed so often, and left alone at last; when it ends before
    that, as its moment did not come, the next one is begun."""
    tried = []
    while kills and (fault := next(faults, None)) is not None:
        tried.append(fault)
        end = in_a_process(train_tiny, str(run), fault)
        assert end in (0, -signal.SIGKILL), tried
        kills -= end != 0
        if end == 0:
            assert records_of(run) == undisturbed, tried
            shutil.rmtree(run)
            tried.clear()
    assert in_a_process(train_tiny, str(run), None) == 0, tried
    assert records_of(run) == undisturbed, tried


@pytest.mark.parametrize("number", range(-(-KILLS // KILLS_A_RUN)))
def test_a_run_that_is_killed_again_and_again_ends_as_if_it_never_was(undisturbed, tmp_path, number):
    kills = min(KILLS_A_RUN, KILLS - KILLS_A_RUN * number)
    kill_and_compare(tmp_path / "run", drawn(number), undisturbed, kills=kills)


@pytest.mark.skipif(not ASKED, reason="FAULT_MOMENTS names no moments")
def test_a_run_that_is_killed_at_the_moments_asked_for_ends_as_if_it_never_was(undisturbed, tmp_path):
    kill_and_compare(tmp_path / "run", named(ASKED), undisturbed, kills=len(ASKED))


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("count", [1, 2])
def test_each_moment_is_reached_and_survived(undisturbed, tmp_path, moment, count):
    run = tmp_path / "run"
    assert in_a_process(train_tiny, str(run), (moment, count)) == -signal.SIGKILL
    assert in_a_process(train_tiny, str(run), None) == 0
    assert records_of(run) == undisturbed
