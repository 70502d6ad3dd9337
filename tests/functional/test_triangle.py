import pytest
import torch

from covpool.functional import from_triangle, triangle, triangle_size


@pytest.mark.parametrize("dim", [1, 2, 5, 16])
def test_triangle_walks_the_upper_half_row_by_row(dim):
    a = torch.arange(dim * dim, dtype=torch.float64).reshape(dim, dim)
    expected = [a[i, j].item() for i in range(dim) for j in range(i, dim)]
    assert triangle(a).tolist() == expected
    assert triangle_size(dim) == len(expected)


def test_from_triangle_is_the_way_back_for_symmetric_matrices():
    a = torch.randn(2, 3, 4, 4, dtype=torch.float64)
    a = a + a.mT
    torch.testing.assert_close(from_triangle(triangle(a)), a)


def test_a_length_that_is_no_triangle_is_refused():
    with pytest.raises(ValueError, match=r"C\(C\+1\)/2 numbers for some C; got 5"):
        from_triangle(torch.zeros(5))


def test_the_published_dimension_is_32896_for_256_channels():
    assert triangle_size(256) == 32896


def test_gradients_are_true():
    a = torch.randn(1, 3, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(triangle, (a,))
    assert torch.autograd.gradcheck(from_triangle, (torch.randn(2, 6, dtype=torch.float64, requires_grad=True),))
