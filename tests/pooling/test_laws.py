"""How a pool answers to scaled, rotated and shifted descriptors, and which of its statistics are positive definite."""

import pytest
import torch

from covpool.pooling import create_pool, pools
from pooling_cases import CHANNELS, NEEDED, ORDERED, draw

# pool(c x) = c^degree pool(x); None: the size of the features means something (gates, kernels, eps that count)
DEGREES = {
    "isqrt": 1,
    "mpncov-eig": 1,
    "covariance": 2,
    "bilinear": 0,
    "avg": 1,
    "gem": 1,
    "gem-fixed": 1,
    "max": 1,
    "stats": 1,
    "avg-expand": None,
    "cbp": 0,
    "threeg": None,
    "threeg-irls": 0.6669921875,  # 1/2 + a/4 from a = 1, five times: on the way to 2 beta / (1 + beta)
    "sr-sop": 1,
    "gm-sop": None,
    "gm-gap": None,
    "dropcov": 2,
    "crosscov": 1,
    "improved-bilinear": 0,
    "random-maclaurin": 0,
    "low-rank": 0,
    "smso": 1,
    "run": 0,
    "g2denet": None,
    "monet": None,
    "correlation": 0,
    "shrinkage": 1,
    "isice": 0,
    "bdc": 1,
    "kernel": None,
    "gsop": None,
    "log-euclidean": None,
    "log-cholesky": None,
    "maxexp": 0,
    "softpool": None,
    "lse": None,
    "attention": None,
    "netvlad": 0,
}
ROTATED = (
    "isqrt",
    "mpncov-eig",
    "covariance",
    "sr-sop",
    "shrinkage",
    "threeg-irls",
    "dropcov",
    "maxexp",
    "log-euclidean",
)
CENTRED = (*ROTATED, "correlation", "isice", "bdc", "kernel", "smso", "log-cholesky", "threeg-irls")
CENTRED_BY_CHANNEL = [name for name in CENTRED if name not in ("bdc", "kernel")]  # those compare channels
POSITIVE = {  # which submodule holds the matrix; None: the normalized statistic
    **dict.fromkeys(("isqrt", "mpncov-eig", "covariance", "sr-sop", "shrinkage", "threeg", "threeg-irls", "dropcov")),
    **dict.fromkeys(("gsop", "correlation", "isice", "kernel", "g2denet", "maxexp", "gm-sop")),
    "improved-bilinear": 0,
    "monet": 0,
    "run": 0,
}
UNIT = ("bilinear", "cbp", "improved-bilinear", "random-maclaurin", "low-rank", "run", "monet", "netvlad")


def build(name, **options):
    torch.manual_seed(0)
    return create_pool(name, CHANNELS, **NEEDED.get(name, {}), **options).double().eval()


def matrix(pool, x):
    """The statistic after slot 4, without the fused way."""
    return pool.normalize(pool.describe(pool.reweight(x).flatten(2)))


def rotation():
    return torch.linalg.qr(torch.randn(CHANNELS, CHANNELS, generator=torch.Generator().manual_seed(4)).double())[0]


def test_every_pool_says_how_it_answers_to_size():
    """A new row of the table states its degree here, or that it has none."""
    assert set(DEGREES) == set(pools.names()) - set(ORDERED)


@pytest.mark.parametrize("name", [name for name, degree in DEGREES.items() if degree is not None])
@pytest.mark.parametrize("factor", [0.25, 8.0])
def test_the_scaling_law(name, factor):
    pool, x = build(name, **({"eps": 0.0} if name == "bdc" else {})), draw(2, CHANNELS, 4, 5)
    expected = factor ** DEGREES[name] * pool(x)
    scaled = pool(factor * x)
    assert (scaled - expected).norm() <= 1e-3 * expected.norm()  # what the eps of crosscov leaves of the law


@pytest.mark.parametrize("name", ROTATED)
def test_rotated_descriptors_give_the_rotated_matrix(name):
    pool, x, q = build(name), draw(2, CHANNELS, 4, 5), rotation()
    turned = torch.einsum("ij,bjhw->bihw", q, x)
    torch.testing.assert_close(matrix(pool, turned), q @ matrix(pool, x) @ q.mT, rtol=1e-8, atol=1e-9)


def test_the_gaussian_embedding_rotates_with_its_mean():
    pool, x, q = build("g2denet"), draw(2, CHANNELS, 4, 5), rotation()
    turned = torch.einsum("ij,bjhw->bihw", q, x)
    q = torch.block_diag(q, torch.ones(1, 1).double())
    torch.testing.assert_close(matrix(pool, turned), q @ matrix(pool, x) @ q.mT, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("name", CENTRED_BY_CHANNEL)
def test_a_shift_of_all_descriptors_changes_nothing(name):
    pool, x = build(name), draw(2, CHANNELS, 4, 5)
    shift = torch.linspace(-3, 3, CHANNELS).double()[:, None, None]
    torch.testing.assert_close(pool(x + shift), pool(x), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", ["bdc", "kernel"])
def test_a_shift_of_all_channels_alike_changes_no_distance_between_them(name):
    pool, x = build(name), draw(2, CHANNELS, 4, 5)
    torch.testing.assert_close(pool(x + 3), pool(x), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("name", POSITIVE)
@pytest.mark.parametrize("kind", ["plain", "dead", "few", "constant"])
def test_the_matrix_is_positive_semi_definite(name, kind):
    pool = build(name)
    pool = pool.pool if name == "gm-sop" else pool
    x = draw(2, CHANNELS, 1, 2) if kind == "few" else draw(2, CHANNELS, 4, 4)
    if kind == "dead":
        x[:, 2] = 0
    if kind == "constant":
        x = torch.ones_like(x)
    stage = POSITIVE[name]
    a = matrix(pool, x) if stage is None else pool.normalize[stage](pool.describe(x.flatten(2)))
    torch.testing.assert_close(a, a.mT)
    values = torch.linalg.eigvalsh(a)
    assert (values >= -1e-9 * values.amax(-1, keepdim=True).clamp(min=1e-9)).all()


def test_minus_the_distance_covariance_is_positive_semi_definite():
    values = torch.linalg.eigvalsh(-matrix(build("bdc"), draw(2, CHANNELS, 4, 4)))
    assert (values >= -1e-12).all()


@pytest.mark.parametrize("name", UNIT)
def test_the_vector_has_unit_length(name):
    y = build(name)(draw(3, CHANNELS, 4, 4))
    torch.testing.assert_close(y.norm(dim=1), torch.ones(3).double(), rtol=1e-9, atol=0)
