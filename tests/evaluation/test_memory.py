"""Peak memory against hand counts."""

import torch
from torch import nn

from covpool.evaluation.memory import forward_peak_bytes


class Chain(nn.Module):
    """Three elementwise steps; only two tensors of the size of x need to live at once beside x."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for _ in range(3):
            x = x + 1
        return x


def test_what_was_freed_is_not_counted():
    x = torch.zeros(1000)
    # the caller's x, the last result and the new one
    assert forward_peak_bytes(Chain(), x) == 3 * 4000


def test_views_count_once():
    class View(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.reshape(10, 100).T[3:]

    assert forward_peak_bytes(View(), torch.zeros(1000)) == 4000


def test_parameters_and_buffers_are_in_it():
    network = nn.BatchNorm1d(10)
    # weight, bias, running mean and variance, the int64 counter; input and output
    bytes_of_state, bytes_of_maps = 4 * 10 * 4 + 8, 2 * 50 * 4
    assert forward_peak_bytes(network, torch.zeros(5, 10)) >= bytes_of_state + bytes_of_maps


def test_a_larger_batch_needs_more():
    network = nn.Conv2d(3, 8, 3)
    small, large = (forward_peak_bytes(network, torch.zeros(n, 3, 8, 8)) for n in (1, 4))
    assert large > small
