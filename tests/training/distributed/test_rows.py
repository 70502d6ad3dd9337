"""Two processes with uneven parts of a batch: norms, gathered losses and gradients are those of the whole batch."""

import pytest
import torch

from covpool.training.distributed import Ranks
from covpool.training.distributed.launching import in_processes
from two_processes import ROWS, loss_of, normed, parts, pictures


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    folder = tmp_path_factory.mktemp("parts")
    in_processes(2, parts, {"folder": str(folder)}, listen=lambda event: None, stopped=lambda: False)
    return [torch.load(folder / f"{rank}.pt") for rank in range(2)]


def test_norms_and_a_balance_loss_of_uneven_parts_are_those_of_the_whole_batch(told):
    network = normed()
    loss_of(network, pictures(), torch.arange(sum(ROWS)) % 3, lambda rows: rows).backward()
    for rank in range(2):
        for name, value in network.state_dict().items():
            torch.testing.assert_close(told[rank]["state"][name], value, rtol=1e-12, atol=1e-13)
        for ours, parameter in zip(told[rank]["grads"], network.parameters(), strict=True):
            torch.testing.assert_close(ours, parameter.grad, rtol=1e-10, atol=1e-12)


def test_numbers_and_objects_reach_all_or_the_first(told):
    assert [found["each"] for found in told] == [[[0.0, 7.0], [1.0, 7.0]]] * 2
    assert [found["share"] for found in told] == ["of 0"] * 2
    assert (len(set(told[0]["all"])), told[1]["all"]) == (2, [])


def test_one_process_tells_itself():
    ranks, rows = Ranks(), torch.zeros(2, 1)
    assert ranks.each(1, 2) == [[1.0, 2.0]]
    assert ranks.rows(rows) is rows
    assert ranks.gather("a") == ["a"]
    assert ranks.align(5, 1) == 5
