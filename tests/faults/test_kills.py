"""SIGKILL at a hundred moments: every run that is resumed ends, bit for bit, as the run that nobody disturbed."""

import random
import signal

import pytest

from covpool.training import train
from faults.dying import MOMENTS, in_a_process, train_tiny
from tiny_runs import records_of, tiny_pictures, tiny_recipe

KILLS_A_RUN = 5
RUNS = 20


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    run = tmp_path_factory.mktemp("undisturbed") / "run"
    train(tiny_recipe(), run, images=tiny_pictures(), device="cpu", log_every=1)
    return records_of(run)


def faults(number):
    """What happens to run ``number``: half of the moments by name, half by the clock."""
    chance = random.Random(number)
    for _ in range(KILLS_A_RUN):
        if chance.random() < 0.5:
            yield chance.choice(list(MOMENTS)), chance.choice([1, 1, 2, 3, 5, 8, 20])
        else:
            yield chance.uniform(0.0, 1.5)


@pytest.mark.parametrize("number", range(RUNS))
def test_a_run_that_is_killed_again_and_again_ends_as_if_it_never_was(undisturbed, tmp_path, number):
    run = tmp_path / "run"
    for fault in faults(number):
        assert in_a_process(train_tiny, str(run), fault) in (0, -signal.SIGKILL)
    assert in_a_process(train_tiny, str(run), None) == 0
    assert records_of(run) == undisturbed


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("count", [1, 2])
def test_each_moment_is_reached_and_survived(undisturbed, tmp_path, moment, count):
    run = tmp_path / "run"
    assert in_a_process(train_tiny, str(run), (moment, count)) == -signal.SIGKILL
    assert in_a_process(train_tiny, str(run), None) == 0
    assert records_of(run) == undisturbed
