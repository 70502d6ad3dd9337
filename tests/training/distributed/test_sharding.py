"""Two processes with a slice each of every parameter step as one process does with all of them."""

import pytest
import torch

from covpool.training.distributed.launching import in_processes
from covpool.training.distributed.sharding import OPTIMIZERS
from two_processes import shared_steps, small, stepped


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    folder = tmp_path_factory.mktemp("steps")
    in_processes(2, shared_steps, {"folder": str(folder)}, listen=lambda event: None, stopped=lambda: False)
    return torch.load(folder / "told.pt")


@pytest.mark.slow
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_each_optimizer_with_clipped_gradients_gives_the_weights_of_one_process(told, name):
    network = small()
    optimizer = stepped(network, network.parameters, name)
    for key, value in network.state_dict().items():
        torch.testing.assert_close(told[name]["weights"][key], value, rtol=1e-5, atol=1e-6)
    for place, kept in optimizer.state_dict()["state"].items():
        for what, value in kept.items():
            torch.testing.assert_close(told[name]["optimizer"]["state"][place][what], value, rtol=1e-5, atol=1e-6)
