import pytest
import torch
from torch.autograd import gradcheck

from covpool.functional import bilinear_forms, covariance, matrix_sketch, second_moment, tensor_sketch
from covpool.functional.sketch import sketch_hashes
from covpool.functional.statistics import random_signs
from covpool.functional.statistics.forms import matrix_forms


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def naive(x, u, v):
    count = x.shape[1]
    return torch.stack([sum((a @ x[:, i]) * (b @ x[:, i]) for i in range(count)) / count for a, b in zip(u, v)])  # noqa: B905


@pytest.mark.parametrize(("dim", "positions", "width"), [(3, 50, 8), (8, 4, 5), (2, 2, 1)])
def test_forms_equal_a_naive_loop_on_both_sides_of_the_equation(dim, positions, width):
    x, u, v = draw(2, dim, positions), draw(width, dim, seed=1), draw(width, dim, seed=2)
    y = bilinear_forms(x, u, v)
    torch.testing.assert_close(y, torch.stack([naive(image, u, v) for image in x]))
    torch.testing.assert_close(y, matrix_forms(second_moment(x), u, v))


def test_centred_quadratic_forms_are_variances():
    x, w = draw(2, 4, 9), draw(3, 4, seed=1)
    torch.testing.assert_close(bilinear_forms(x, w, w, center=True), (w @ x).var(-1, correction=0))
    torch.testing.assert_close(bilinear_forms(x, w, w, center=True), matrix_forms(covariance(x), w, w))


def test_random_signs_repeat_with_their_seed():
    assert torch.equal(random_signs(5, 7, 3), random_signs(5, 7, 3))
    assert not torch.equal(random_signs(5, 7, 3), random_signs(5, 7, 4))
    assert set(random_signs(50, 7, 0).unique().tolist()) == {-1.0, 1.0}
    assert random_signs(1000, 10, 0).mean().abs() < 0.05


def test_sketches_keep_the_inner_product_of_second_moments():
    a, b, width = draw(5, 9), draw(5, 11, seed=1), 200_000
    u, v = (random_signs(width, 5, seed).double() for seed in (0, 1))
    sketched = bilinear_forms(a, u, v) @ bilinear_forms(b, u, v) / width
    assert sketched.item() == pytest.approx((second_moment(a) * second_moment(b)).sum().item(), rel=0.03)


def test_gradients_are_true():
    for dim, positions in ((2, 9), (4, 2)):
        x, u, v = draw(1, dim, positions), draw(3, dim, seed=1), draw(3, dim, seed=2)
        assert gradcheck(bilinear_forms, tuple(t.requires_grad_() for t in (x, u, v)))


@pytest.mark.parametrize("width", [3, 64])
def test_the_sketch_of_the_second_moment_is_that_of_the_descriptors(width):
    x = draw(2, 5, 9).requires_grad_()
    bins, signs = sketch_hashes(5, width, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(matrix_sketch(x @ x.mT, bins, signs, width), tensor_sketch(x, bins, signs, width))
    assert gradcheck(lambda y: matrix_sketch(second_moment(y), bins, signs, width), (x,))
