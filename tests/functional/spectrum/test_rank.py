"""How many directions a spectrum fills, against closed forms."""

import pytest
import torch

from covpool.functional.spectrum.rank import effective_rank


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
