"""Spectra against closed forms."""

import torch

from covpool.analysis import spectrum


def test_the_spectrum_is_that_of_the_covariance_written_out():
    maps = torch.randn(3, 4, 5, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    for sample, values in zip(maps, spectrum(maps), strict=True):
        x = sample.reshape(4, 10)
        centred = x - x.mean(1, keepdim=True)
        expected = torch.linalg.eigvalsh(centred @ centred.T / 10).flip(0)
        torch.testing.assert_close(values, expected)


def test_few_positions_give_few_directions():
    maps = torch.randn(1, 16, 2, 2, generator=torch.Generator().manual_seed(0))
    assert (spectrum(maps)[0] > 1e-9).sum() == 3
