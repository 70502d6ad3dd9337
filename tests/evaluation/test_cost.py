"""The cost of a network."""

import torch
from torch import nn

from covpool.evaluation.cost import cost, quartiles, time_repeats


def test_parameters_and_operations_are_those_of_the_layers():
    network = nn.Sequential(nn.Conv2d(3, 4, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2))
    measured = cost(network, image_size=6, batch_size=2, repeats=3, device="cpu")
    assert measured.parameters == 3 * 4 + 4 + 4 * 2 + 2
    assert measured.flops == 2 * 36 * 4 * 3 + 2 * 4 * 2
    assert measured.peak_memory_mb > 2 * 36 * (3 + 4) * 4 / 1e6
    low, high = measured.ms_per_image_spread
    assert 0 < low <= measured.ms_per_image <= high
    assert measured.to_dict()["ms_per_image_spread"] == [low, high]


def test_warm_up_calls_are_not_timed():
    calls = []
    seconds = time_repeats(lambda: calls.append(1), repeats=3, device=torch.device("cpu"))
    assert len(seconds) == 3
    assert len(calls) == 5


def test_quartiles_of_one_value_are_that_value():
    assert quartiles([2.0]) == (2.0, 2.0, 2.0)
