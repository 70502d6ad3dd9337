import pytest
import torch

from analysis.tiny import batches, full_hessian, quadratic, tiny
from covpool.analysis import Objective, flatness, hutchinson_trace, spectral_density, top_eigenvalues


def test_top_eigenvalues_and_trace_of_a_quadratic():
    matrix, objective = quadratic()
    top = top_eigenvalues(lambda v: matrix @ v, objective.start, 3, steps=12)
    torch.testing.assert_close(top.values, torch.linalg.eigvalsh(matrix).flip(0)[:3])
    trace = hutchinson_trace(lambda v: matrix @ v, objective.start, samples=4000)
    assert abs(trace.mean - float(matrix.trace())) < 4 * trace.standard_error
    variance = 2 * float((matrix**2).sum() - (matrix.diagonal() ** 2).sum())
    assert trace.standard_error == pytest.approx((variance / 4000) ** 0.5, rel=0.1)


def test_flatness_of_a_tiny_network_with_a_root_equals_that_of_its_full_hessian():
    objective = Objective(tiny("isqrt"), batches())
    full = full_hessian(objective)
    found = flatness(objective, count=4, steps=45, samples=10)
    torch.testing.assert_close(
        torch.tensor(found["top"], dtype=torch.float64), torch.linalg.eigvalsh(full).flip(0)[:4], rtol=1e-6, atol=1e-8
    )
    assert max(found["top_residuals"]) < 1e-4
    assert abs(found["trace"] - float(full.trace())) < 5 * found["trace_error"]
    assert found["trace"] == flatness(objective, steps=2, samples=10)["trace"]


def test_the_density_integrates_to_one_and_lies_where_the_eigenvalues_are():
    values = torch.cat([torch.zeros(90), torch.ones(10) * 5]).double()
    found = spectral_density(lambda v: values * v, values, steps=10, probes=5)
    grid, density = (torch.tensor(found[key]).double() for key in ("eigenvalues", "density"))
    assert float(torch.trapezoid(density, grid)) == pytest.approx(1, abs=0.01)
    assert float(torch.trapezoid(density[grid > 2.5], grid[grid > 2.5])) == pytest.approx(0.1, abs=0.01)
    assert found["share_negative"] == 0


def test_one_probe_has_no_standard_error():
    with pytest.raises(ValueError, match="at least 2 samples"):
        hutchinson_trace(lambda v: v, torch.ones(3), samples=1)
