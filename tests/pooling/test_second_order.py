import pytest
import torch
from torch import nn

from covpool import functional
from covpool.pooling import SecondOrderPool, create_pool
from covpool.pooling.describe import Covariance, SecondMoment
from covpool.pooling.normalize import MatrixPower, MatrixSqrt, SignedSqrt
from covpool.pooling.vectorize import Flat, Triangle
from covpool.recipes import Choice


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_slots_run_in_their_order():
    pool = SecondOrderPool(
        4, describe=Covariance(ridge=0.1), normalize=MatrixSqrt(steps=3), vectorize=Triangle(4)
    ).double()
    x = draw(2, 4, 3, 3)
    expected = functional.triangle(functional.matrix_sqrt(functional.covariance(x.flatten(2), ridge=0.1), steps=3))
    torch.testing.assert_close(pool(x), expected)


def test_reweight_sees_the_reduced_map_before_the_statistic():
    class Halve(torch.nn.Module):
        def forward(self, x):
            return x / 2

    plain = SecondOrderPool(4, describe=Covariance(), vectorize=Flat(4))
    halved = SecondOrderPool(4, describe=Covariance(), vectorize=Flat(4), reweight=Halve())
    x = draw(2, 4, 3, 3)
    torch.testing.assert_close(halved(x), plain(x) / 4)


def test_rotating_the_channels_rotates_the_isqrt_matrix():
    pool, x = create_pool("isqrt", 4), draw(2, 4, 3, 3)
    q, _ = torch.linalg.qr(draw(4, 4, seed=1))
    rotated = functional.from_triangle(pool(torch.einsum("dc,bchw->bdhw", q, x)))
    torch.testing.assert_close(rotated, q @ functional.from_triangle(pool(x)) @ q.T)


@pytest.mark.parametrize(("name", "degree"), [("isqrt", 1), ("mpncov-eig", 1), ("covariance", 2), ("bilinear", 0)])
def test_scaling_the_map_scales_the_vector_by_the_law_of_its_pool(name, degree):
    options = {"eps": 0.0} if name == "bilinear" else {}
    pool, x = create_pool(name, 4, **options), draw(2, 4, 3, 3)
    torch.testing.assert_close(pool(3 * x), 3**degree * pool(x))


def test_covariance_pools_do_not_see_a_shift_of_all_positions():
    x = draw(2, 4, 3, 3)
    for name in ("isqrt", "covariance", "mpncov-eig"):
        pool = create_pool(name, 4)
        torch.testing.assert_close(pool(x + 5.0), pool(x))


def test_bilinear_vectors_have_unit_length():
    y = create_pool("bilinear", 4)(draw(2, 4, 3, 3))
    torch.testing.assert_close(y.norm(dim=1), torch.ones(2, dtype=y.dtype))


def test_uncentred_covariance_takes_a_single_position():
    assert Covariance(center=False).min_positions == SecondMoment.min_positions == 1
    assert Covariance().min_positions == 2


def test_slots_show_their_choices():
    shown = repr(create_pool("isqrt", 8, 4, steps=3))
    assert "steps=3" in shown
    assert "8 -> 4" in shown
    assert "eps=1e-08" in repr(SignedSqrt())
    assert "power=0.5" in repr(MatrixPower())


def test_slots_refuse_values_that_mean_nothing():
    with pytest.raises(ValueError, match="steps of at least 1"):
        MatrixSqrt(steps=0)
    with pytest.raises(ValueError, match="power needs to be positive; got -1"):
        MatrixPower(-1)
    with pytest.raises(ValueError, match="did you mean 'eig'"):
        MatrixSqrt(method="eigh")


@pytest.mark.parametrize("name", ["covariance", "isqrt(backend='plain')", "isqrt", "bilinear", "threeg", "mpncov-eig"])
@pytest.mark.parametrize("training", [True, False])
def test_the_gradient_of_one_image_does_not_depend_on_how_it_is_laid_out(name, training):
    """Batch norm without a ReLU behind it: torch's returned a wrong gradient for one image."""
    choice = Choice.parse(name)
    pool = create_pool(choice.name, 4, **choice.options).double().eval()
    norm = nn.BatchNorm2d(4).double().train(training)
    draws = torch.Generator().manual_seed(0)
    x = torch.randn(1, 4, 5, 5, generator=draws, dtype=torch.float64, requires_grad=True)
    upstream = torch.randn(1, pool.out_features, generator=draws, dtype=torch.float64)
    (found,) = torch.autograd.grad((pool(norm(x)) * upstream).sum(), x)
    step = torch.randn(x.shape, generator=draws, dtype=torch.float64) * 1e-6
    with torch.no_grad():
        rise = float(((pool(norm(x + step)) - pool(norm(x - step))) * upstream).sum() / 2)
    assert float((found * step).sum()) == pytest.approx(rise, rel=1e-4)
