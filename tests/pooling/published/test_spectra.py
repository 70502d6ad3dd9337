import pytest
import torch

from covpool import functional
from covpool.pooling import create_pool
from covpool.pooling.vectorize import IsometricTriangle


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_log_euclidean_vectors_are_as_far_apart_as_the_logarithms():
    a, b = draw(1, 4, 3, 5), draw(1, 4, 3, 5, seed=1)
    pool = create_pool("log-euclidean", 4)
    logs = [functional.matrix_log(functional.covariance(x.flatten(2))) for x in (a, b)]
    torch.testing.assert_close((pool(a) - pool(b)).norm(), torch.linalg.matrix_norm(logs[0] - logs[1])[0])


def test_the_isometric_triangle_keeps_inner_products():
    a, b = (functional.covariance(draw(2, 5, 9, seed=seed)) for seed in (0, 1))
    vectorize = IsometricTriangle(5)
    torch.testing.assert_close((vectorize(a) * vectorize(b)).sum(-1), (a * b).sum((-1, -2)))


def test_scaling_the_map_shifts_the_diagonal_of_a_logarithm():
    x = draw(2, 4, 3, 5)
    eye = functional.triangle(torch.eye(4, dtype=x.dtype))
    shift = eye * torch.log(torch.tensor(3.0, dtype=x.dtype))
    log, cholesky = (create_pool(name, 4) for name in ("log-euclidean", "log-cholesky"))
    torch.testing.assert_close(log(3 * x), log(x) + 2 * shift)
    torch.testing.assert_close(cholesky(3 * x), cholesky(x) * (3 - 2 * eye) + shift)


def test_log_cholesky_is_the_factor_of_the_covariance():
    x = draw(2, 4, 3, 5)
    factor = functional.from_triangle(create_pool("log-cholesky", 4, ridge=1e-9, log_diagonal=False)(x)).triu()
    torch.testing.assert_close(factor.mT @ factor, functional.covariance(x.flatten(2)), rtol=1e-6, atol=1e-6)


def test_maxexp_does_not_see_size_or_shift_and_with_exponent_one_is_the_share_of_the_trace():
    pool, x = create_pool("maxexp", 4), draw(2, 4, 3, 5)
    torch.testing.assert_close(pool(3 * x + 5), pool(x))
    a = functional.covariance(x.flatten(2))
    share = a / a.diagonal(dim1=-2, dim2=-1).sum(-1)[..., None, None]
    torch.testing.assert_close(create_pool("maxexp", 4, exponent=1)(x), functional.triangle(share))


@pytest.mark.parametrize("name", ["log-euclidean", "maxexp"])
def test_rotating_the_channels_rotates_the_matrix(name):
    pool, x = create_pool(name, 4), draw(2, 4, 3, 5)
    q, _ = torch.linalg.qr(draw(4, 4, seed=1))

    def matrix(y):
        scale = 2**0.5 if name == "log-euclidean" else 1.0
        a = functional.from_triangle(pool(y)) / scale
        return a + torch.diag_embed(a.diagonal(dim1=-2, dim2=-1)) * (scale - 1)

    torch.testing.assert_close(matrix(torch.einsum("dc,bchw->bdhw", q, x)), q @ matrix(x) @ q.T)
