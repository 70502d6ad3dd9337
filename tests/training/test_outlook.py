"""What is told of the cost of a training agrees with a naive count."""

import gc

import pytest
import torch
from torch import nn

from covpool.training import read_journal, train
from covpool.training.outlook import saved_bytes, state_bytes


def test_saved_tensors_are_counted_once_and_without_parameters():
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Sigmoid(), nn.Flatten(), nn.Linear(4 * 25, 2))
    images = torch.zeros(2, 3, 5, 5)
    # the picture for the convolution, and the sigmoid's answer, which the linear layer shares
    assert saved_bytes(network, images, "32-true") == 4 * (2 * 3 * 25 + 2 * 4 * 25)
    assert all(p.grad is None for p in network.parameters())


def test_nothing_that_was_counted_stays_in_memory():
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.Sigmoid(), nn.Softmax(dim=1))  # two that save their own answers
    images = torch.zeros(2, 3, 5, 5)

    def alive():
        gc.collect()
        return sum(issubclass(type(found), torch.Tensor) for found in gc.get_objects())

    before = alive()
    saved_bytes(network, images, "32-true")
    assert alive() == before


@pytest.mark.parametrize(
    ("optimizer", "averaged", "copies"), [("sgd", False, 3), ("adamw", False, 4), ("lamb", True, 5)]
)
def test_weights_gradients_and_what_the_optimizer_keeps(optimizer, averaged, copies):
    assert state_bytes(nn.Linear(3, 4), optimizer, averaged) == copies * 4 * 16


def test_the_start_event_tells_it(recipe, pictures, tmp_path):
    outcome = train(recipe, tmp_path / "run", images=pictures, device="cpu", time_limit=0.0)
    made = read_journal(tmp_path / "run" / "journal.jsonl")[0]["summary"]
    assert sum(made["parameters_by_part"].values()) == made["parameters"]
    assert set(made["parameters_by_part"]) == {"backbone", "pool", "classifier"}
    assert made["estimated_bytes"] > 5 * 4 * sum(p.numel() for p in outcome.network.parameters())
    assert made["flops"] > 0
