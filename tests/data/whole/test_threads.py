import threading

import pytest
import torch

from covpool.data.whole import in_threads


@pytest.mark.parametrize("threads", [0, 1, 3])
def test_answers_come_in_the_order_of_the_requests(threads):
    assert list(in_threads(lambda n: n * n, range(50), threads)) == [n * n for n in range(50)]


def test_a_fault_of_one_answer_is_raised_in_its_place():
    answers = in_threads(lambda n: 1 // n, (2, 1, 0), 2)
    assert [next(answers), next(answers)] == [0, 1]
    with pytest.raises(ZeroDivisionError):
        next(answers)


def test_threads_do_not_share_their_operations_and_later_ones_do():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    assert set(in_threads(lambda _: torch.get_num_threads(), range(4), 2)) == {1}
    found = []
    later = threading.Thread(target=lambda: found.append(torch.get_num_threads()))
    later.start()
    later.join()
    assert (torch.get_num_threads(), found) == (2, [2])
    torch.set_num_threads(before)
