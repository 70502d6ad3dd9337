"""Projection and pool of a row, and its control."""

import logging

import numpy as np
import torch

from covpool.functional import from_triangle
from covpool.pooling import create_pool
from covpool.recipes import Choice
from covpool.studies.chains import control_chain, reduction, row_chain

CPU = torch.device("cpu")
ROWS = np.arange(20)


def maps(channels: int = 10) -> np.ndarray:
    return np.random.default_rng(0).normal(3, 2, size=(20, channels, 3, 3)).astype(np.float32)


def test_second_order_pools_are_reduced_and_averages_are_not():
    assert reduction(Choice("isqrt"), 320, 128) == 128
    assert reduction(Choice("isqrt"), 112, 128) == 112
    assert reduction(Choice("isqrt"), 112, None) is None
    assert reduction(Choice("isqrt", reduce_to=64), 112, 128) == 64
    assert reduction(Choice("isqrt", reduce_to=None), 320, 128) is None
    assert reduction(Choice("gem"), 320, 128) is None
    assert reduction(Choice("avg", reduce_to=16), 320, 128) == 16


def test_a_row_without_reduction_is_the_pool_itself():
    stored = torch.from_numpy(maps())
    chain = row_chain(Choice("isqrt", reduce_to=None), maps(), ROWS, 128)
    torch.testing.assert_close(chain(stored), create_pool("isqrt", 10)(stored))


def test_pca_with_all_channels_only_turns_the_covariance():
    stored = torch.from_numpy(maps())
    plain = row_chain(Choice("covariance", reduce_to=None), maps(), ROWS, 128)(stored)
    turned = row_chain(Choice("covariance"), maps(), ROWS, 128)(stored)
    spectra = (torch.linalg.eigvalsh(from_triangle(each)) for each in (plain, turned))
    torch.testing.assert_close(*spectra, rtol=1e-3, atol=1e-3)


def test_a_control_is_as_long_as_its_row_and_sees_the_standardised_average_of_all_channels():
    stored = maps()
    row, control = row_chain(Choice("isqrt"), stored, ROWS, 4), control_chain(Choice("isqrt"), stored, ROWS, 4, CPU)
    x = torch.from_numpy(stored)
    assert row(x).shape == control(x).shape == (20, 10)
    means = x.mean((2, 3))
    standardised = (means - means.mean(0)) / means.std(0)
    expand = create_pool("avg-expand", 10, width=10, learned=False)
    torch.testing.assert_close(control(x), expand(standardised[:, :, None, None]))


def test_a_channel_that_never_changes_does_not_break_the_control():
    stored = maps()
    stored[:, 0] = 5
    assert control_chain(Choice("covariance"), stored, ROWS, 128, CPU)(torch.from_numpy(stored)).isfinite().all()


def test_a_pool_with_parameters_of_its_own_is_said_to_be_untrained(caplog):
    with caplog.at_level(logging.WARNING, "covpool"):
        row_chain(Choice("gem"), maps(), ROWS, 128)
        assert not caplog.records
        row_chain(Choice("avg-expand", width=5), maps(), ROWS, 128)
    assert "leave them as they are drawn" in caplog.text
