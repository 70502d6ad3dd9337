import pytest
import torch

from covpool import functional
from covpool.pooling import create_pool


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_correlation_is_the_strict_triangle_row_by_row():
    x = draw(2, 4, 3, 5)
    r = functional.correlation(x.flatten(2))
    expected = torch.stack([r[:, i, j] for i in range(4) for j in range(i + 1, 4)], 1)
    torch.testing.assert_close(create_pool("correlation", 4)(x), expected)
    with pytest.raises(ValueError, match="at least 2 channels"):
        create_pool("correlation", 1)


def test_shrinkage_is_the_root_of_the_shrunk_covariance():
    x = draw(2, 6, 2, 2)
    for estimator in ("ledoit-wolf", "oas"):
        root = functional.from_triangle(create_pool("shrinkage", 6, estimator=estimator, method="eig")(x))
        torch.testing.assert_close(root @ root, functional.shrunk_covariance(x.flatten(2), method=estimator))


def test_a_closed_gate_halves_what_isqrt_sees():
    pool, x = create_pool("gsop", 4).double(), draw(2, 4, 3, 5)
    torch.nn.init.zeros_(pool.reweight.expand.weight)
    torch.nn.init.zeros_(pool.reweight.expand.bias)
    torch.testing.assert_close(pool(x), create_pool("isqrt", 4)(x) / 2)


def test_the_kernel_pool_squares_to_the_kernel_matrix():
    x = draw(2, 4, 3, 5)
    root = functional.from_triangle(create_pool("kernel", 4, gamma=0.5).double()(x))
    torch.testing.assert_close(root @ root, functional.kernel_matrix(x.flatten(2), 0.5))


@pytest.mark.parametrize(
    ("name", "degree", "options"),
    [("correlation", 0, {}), ("isice", 0, {}), ("shrinkage", 1, {}), ("bdc", 1, {"eps": 0.0})],
)
def test_scaling_the_map_scales_the_vector_by_the_law_of_its_pool(name, degree, options):
    pool, x = create_pool(name, 4, **options).double(), draw(2, 4, 3, 5)
    torch.testing.assert_close(pool(3 * x), 3**degree * pool(x))


@pytest.mark.parametrize("name", ["correlation", "isice", "shrinkage", "bdc", "kernel"])
def test_a_shift_of_all_positions_and_channels_is_not_seen(name):
    pool, x = create_pool(name, 4).double(), draw(2, 4, 3, 5)
    torch.testing.assert_close(pool(x + 5.0), pool(x))


@pytest.mark.parametrize("name", ["isice", "shrinkage", "kernel"])
def test_the_matrix_is_positive_semi_definite_with_fewer_positions_than_channels(name):
    a = functional.from_triangle(create_pool(name, 8).double()(draw(2, 8, 2, 2)))
    assert torch.linalg.eigvalsh(a).min() > -1e-12
