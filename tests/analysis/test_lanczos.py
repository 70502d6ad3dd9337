import pytest
import torch

from analysis.tiny import quadratic
from covpool.analysis import lanczos
from covpool.analysis.lanczos import random_signs, random_start


def test_as_many_steps_as_dimensions_give_all_eigenvalues():
    matrix, objective = quadratic()
    found = lanczos(lambda v: matrix @ v, random_start(objective.start, 0), 12)
    torch.testing.assert_close(found.values, torch.linalg.eigvalsh(matrix).flip(0))
    assert found.residuals.max() < 1e-8
    assert float(found.weights.sum()) == pytest.approx(1)


def test_reorthogonalisation_finds_each_eigenvalue_once():
    """Eigenvalues over ten decades: without it the largest come back as ghosts."""
    values = torch.logspace(0, -10, 200, dtype=torch.float64)
    found = lanczos(lambda v: values * v, torch.ones(200, dtype=torch.float64), 60)
    torch.testing.assert_close(found.values[:5], values[:5], rtol=1e-10, atol=0)
    assert (found.values > 0.9 * values[0]).sum() == 1 + int((values[1:] > 0.9 * values[0]).sum())


def test_each_ritz_value_is_as_near_to_an_eigenvalue_as_its_residual_says():
    draws = torch.Generator().manual_seed(3)
    a = torch.randn(80, 80, generator=draws, dtype=torch.float64)
    matrix, exact = a + a.T, torch.linalg.eigvalsh(a + a.T)
    found = lanczos(lambda v: matrix @ v, random_start(a[0], 1), 15)
    distance = (found.values[:, None] - exact).abs().min(dim=1).values
    assert (distance <= found.residuals + 1e-10).all()


def test_an_invariant_subspace_ends_it():
    found = lanczos(lambda v: 3 * v, torch.ones(50), 20)
    assert found.values.tolist() == pytest.approx([3.0])
    assert found.residuals.tolist() == [0.0]
    assert lanczos(torch.zeros_like, torch.ones(5), 3).values.tolist() == [0.0]


def test_what_cannot_be_done_is_refused():
    with pytest.raises(ValueError, match="not zero"):
        lanczos(lambda v: v, torch.zeros(3), 2)
    with pytest.raises(ValueError, match="take fewer steps"):
        lanczos(lambda v: v, torch.ones(1000), 10, most_bytes=10_000)


def test_signs_come_from_the_seed_alone():
    assert torch.equal(random_signs(torch.zeros(9), 4), random_signs(torch.zeros(9), 4))
    assert set(random_signs(torch.zeros(99).double(), 4).tolist()) == {-1.0, 1.0}
