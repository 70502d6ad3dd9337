"""Throughput and latency against clocks of the test's own."""

import time

import numpy as np
import pytest
import torch
from torch import nn

from covpool.evaluation import speed
from covpool.evaluation.speed import latency


class Sleeper(nn.Module):
    """Takes 4 ms a batch and 1 ms more an image."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        time.sleep(0.004 + 0.001 * len(x))
        return x.mean(dim=(1, 2, 3))


def test_percentiles_are_numpys():
    seconds = np.random.default_rng(0).gamma(2.0, 0.01, 137).tolist()
    assert latency(seconds) == pytest.approx(1000 * np.quantile(seconds, [0.5, 0.9, 0.99]))
    assert latency([0.25]) == (250, 250, 250)


def test_throughput_is_images_by_the_time_of_a_batch():
    found = speed(Sleeper(), 4, batch_sizes=[1, 16], repeats=5, warm_up=1, device="cpu")
    for row, least in zip(found, (0.005, 0.020), strict=True):
        assert row.images_per_second <= row.batch_size / least
        assert row.latency_ms.p50 >= 1000 * least
        assert row.images_per_second == pytest.approx(1000 * row.batch_size / row.latency_ms.p50, rel=1e-3)
        low, high = row.images_per_second_spread
        assert low <= row.images_per_second <= high
    assert found[1].images_per_second > found[0].images_per_second


def test_every_batch_size_is_measured_in_every_number_format():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.LazyLinear(2)).train()
    found = speed(network, 8, batch_sizes=[1, 2], precisions=["32-true", "bf16-mixed"], repeats=2, device="cpu")
    assert [(row.precision, row.batch_size) for row in found] == [
        ("32-true", 1),
        ("32-true", 2),
        ("bf16-mixed", 1),
        ("bf16-mixed", 2),
    ]
    assert network.training
    assert found[0].to_dict()["latency_ms"].keys() == {"p50", "p90", "p99"}


class Full(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if len(x) > 4:
            raise torch.OutOfMemoryError("as an accelerator would")
        return x


def test_a_batch_that_does_not_fit_has_no_numbers_and_stops_nothing():
    fits, full, again = speed(Full(), 2, batch_sizes=[4, 8, 2], repeats=2, device="cpu")
    assert full.to_dict()["images_per_second"] is None
    assert full.to_dict()["latency_ms"] is None
    assert fits.images_per_second > 0
    assert again.images_per_second > 0
