import os
import signal

import pytest

from covpool.data import WorkerLost
from covpool.data.prepare.parallel import in_order_of_completion


def doubled(task, tick):
    tick(task)
    return 2 * task


def killed_at_three(task, tick):
    if task == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return task


def wrong_at_three(task, tick):
    if task == 3:
        raise ValueError("three")
    return task


@pytest.mark.parametrize("workers", [0, 1, 3])
def test_every_task_is_answered_once_and_every_tick_heard(workers):
    heard = []
    found = dict(in_order_of_completion(doubled, range(7), workers, heard.append))
    assert found == {task: 2 * task for task in range(7)}
    assert sum(heard) == sum(range(7))


def test_a_killed_process_is_noticed():
    with pytest.raises(WorkerLost, match=r"ended by the system \(exit code -9\). Take fewer --workers"):
        dict(in_order_of_completion(killed_at_three, range(7), 2, lambda count: None))


@pytest.mark.parametrize("workers", [0, 2])
def test_an_error_comes_through_as_it_is(workers):
    with pytest.raises(ValueError, match="three"):
        dict(in_order_of_completion(wrong_at_three, range(7), workers, lambda count: None))
