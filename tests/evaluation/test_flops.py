"""Operation counts against hand counts."""

import pytest
import torch
from torch import nn

from covpool.evaluation.flops import forward_flops


class Decompose(nn.Module):
    """Applies one function of torch.linalg."""

    def __init__(self, function: str) -> None:
        super().__init__()
        self.function = getattr(torch.linalg, function)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self.function(x)
        return out if isinstance(out, torch.Tensor) else out[0]


def test_eigh_counts_the_textbook_operations():
    assert forward_flops(Decompose("eigh"), torch.eye(6).expand(2, 6, 6)) == 2 * 9 * 6**3


@pytest.mark.parametrize("shape", [(8, 5), (5, 8)])
def test_svd_does_not_depend_on_the_orientation(shape: tuple[int, int]):
    assert forward_flops(Decompose("svd"), torch.ones(3, *shape)) == 3 * (14 * 8 * 25 + 8 * 125)


def test_convolution_and_linear_are_counted_by_hand():
    network = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.Flatten(), nn.Linear(4 * 25, 7))
    expected = 2 * (25 * 4 * 3 * 9) + 2 * (100 * 7)
    assert forward_flops(network, torch.zeros(1, 3, 5, 5)) == expected


def test_attention_is_counted_on_the_cpu():
    class Attend(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return nn.functional.scaled_dot_product_attention(x, x, x)

    assert forward_flops(Attend(), torch.ones(2, 3, 10, 4)) == 2 * 3 * (2 * 10 * 10 * 4 * 2)


def test_counting_leaves_the_modes_alone():
    network = nn.Sequential(nn.BatchNorm1d(3))
    before = network[0].running_mean.clone()
    forward_flops(network.train(), torch.ones(4, 3))
    assert network.training
    assert torch.equal(network[0].running_mean, before)
