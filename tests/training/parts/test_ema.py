"""The average is the naive recursion over all tensors."""

import torch
from torch import nn

from covpool.training.parts.ema import MovingAverage


def test_parameters_and_statistics_follow_the_recursion_and_counters_are_copied():
    torch.manual_seed(0)
    source = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    average = MovingAverage(source, decay=0.5)
    expected = {name: value.clone().double() for name, value in source.state_dict().items()}
    for updates in range(6):
        source(torch.randn(5, 3)).sum().backward()
        with torch.no_grad():
            for parameter in source.parameters():
                parameter.add_(torch.randn_like(parameter))
        average.update(source)
        decay = min(0.5, (1 + updates) / (10 + updates))
        for name, value in source.state_dict().items():
            expected[name] = decay * expected[name] + (1 - decay) * value.double()
    for name, value in average.network.state_dict().items():
        if value.is_floating_point():
            torch.testing.assert_close(value.double(), expected[name], rtol=1e-5, atol=1e-6)
    assert average.network[1].num_batches_tracked == source[1].num_batches_tracked == 6


def test_the_averaged_network_is_apart_from_its_source():
    source = nn.Linear(2, 2)
    average = MovingAverage(source, decay=0.9)
    assert not average.network.training
    assert not any(p.requires_grad for p in average.network.parameters())
    assert source.weight.requires_grad
    assert average.network.weight.data_ptr() != source.weight.data_ptr()
