"""What a transport says is told from what is said of files and losses whose names hold the same words."""

from pathlib import Path

import pytest
import torch.distributed as dist

from covpool.training import NonFiniteLoss
from covpool.training.distributed.lost import is_of_transport
from covpool.training.run import NotWritten


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("[../third_party/gloo/gloo/transport/tcp/pair.cc:534] Connection closed by peer [127.0.0.1]:1234"),
        dist.DistNetworkError("The client socket has failed to connect"),
    ],
)
def test_a_loss_is_known_by_the_words_of_the_transport(error):
    assert is_of_transport(error)


@pytest.mark.parametrize(
    "error",
    [
        NotWritten(Path("runs/gloo/last.pt"), "Connection timed out"),
        NonFiniteLoss(3, "loss", float("nan"), "runs/socket/last.pt"),
        RuntimeError("mat1 and mat2 shapes cannot be multiplied"),
        ValueError("broken pipe"),
    ],
)
def test_other_errors_are_themselves_wherever_the_run_lies(error):
    assert not is_of_transport(error)
