import pytest
import torch
import torch.nn.functional as F

from covpool import functional
from covpool.pooling import create_pool


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_improved_bilinear_is_the_exact_root_then_the_signed_root_of_unit_length():
    x = draw(2, 4, 3, 5)
    root = functional.matrix_power(functional.second_moment(x.flatten(2)), 0.5).flatten(1)
    expected = F.normalize(root.sign() * root.abs().sqrt())
    torch.testing.assert_close(create_pool("improved-bilinear", 4, eps=0.0)(x), expected)


def test_many_newton_schulz_steps_lead_to_the_same_vector():
    x = draw(2, 4, 3, 5)
    iterated = create_pool("improved-bilinear", 4, method="newton-schulz", steps=40)(x)
    torch.testing.assert_close(iterated, create_pool("improved-bilinear", 4)(x))


@pytest.mark.parametrize("name", ["improved-bilinear", "random-maclaurin", "low-rank", "run"])
def test_vectors_of_the_bilinear_family_have_unit_length_whatever_the_size_of_the_map(name):
    pool, x = create_pool(name, 4, eps=0.0).double(), draw(2, 4, 3, 5)
    torch.testing.assert_close(pool(x).norm(dim=1), torch.ones(2, dtype=x.dtype))
    torch.testing.assert_close(pool(7 * x), pool(x))


def test_the_published_widths_are_the_defaults():
    assert create_pool("random-maclaurin", 4).out_features == 8192
    assert create_pool("low-rank", 4).out_features == 8192
    assert create_pool("smso", 4).out_features == 2048


def test_random_maclaurin_approaches_the_cosine_of_bilinear_pooling_before_the_signed_root():
    a, b = draw(1, 4, 3, 5), draw(1, 4, 3, 5, seed=1)
    pool = create_pool("random-maclaurin", 4, width=100_000)
    sketches = [pool.describe(x.flatten(2)) for x in (a, b)]
    moments = [functional.second_moment(x.flatten(2)).flatten(1) for x in (a, b)]
    torch.testing.assert_close(F.cosine_similarity(*sketches), F.cosine_similarity(*moments), rtol=0, atol=0.02)


def test_smso_scales_with_the_map_and_does_not_see_a_shift():
    pool, x = create_pool("smso", 4, width=5, eps=0.0).double(), draw(2, 4, 3, 5)
    torch.testing.assert_close(pool(3 * x), 3 * pool(x))
    torch.testing.assert_close(pool(x + 5), pool(x))
    logged = create_pool("smso", 4, width=5, transform="log", eps=0.0).double()
    torch.testing.assert_close(logged(3 * x), logged(x) + 2 * torch.log(torch.tensor(3.0, dtype=x.dtype)))


def test_run_without_strength_is_bilinear_pooling():
    x = draw(2, 4, 3, 5)
    torch.testing.assert_close(create_pool("run", 4, strength=0.0)(x), create_pool("bilinear", 4)(x))
