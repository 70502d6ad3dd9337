"""Spectra against closed forms."""

import pytest
import torch

from covpool.analysis import effective_rank, spectrum


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


@pytest.mark.parametrize("directions", [1, 3, 8])
def test_equal_eigenvalues_count_themselves(directions: int):
    eigenvalues = torch.zeros(8)
    eigenvalues[:directions] = 0.7
    assert effective_rank(eigenvalues).item() == pytest.approx(directions, rel=1e-5)


def test_effective_rank_does_not_depend_on_scale_and_zero_has_none():
    eigenvalues = torch.tensor([[3.0, 2.0, 1.0], [0.0, 0.0, 0.0]])
    rank = effective_rank(eigenvalues)
    torch.testing.assert_close(effective_rank(eigenvalues * 100), rank)
    assert rank[1] == 0
    assert 1 < rank[0] < 3
