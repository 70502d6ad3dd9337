import torch

from covpool.functional import covariance, cross_covariance
from covpool.functional.precision import in_float32


@in_float32
def product_dtype(x, *, y):
    assert x.dtype == y.dtype == torch.float32
    assert (x @ y).dtype == torch.float32
    return x @ y


def test_half_arguments_are_widened_and_the_result_has_the_first_ones_dtype():
    x = torch.ones(2, 2, dtype=torch.float16)
    assert product_dtype(x, y=x.to(torch.bfloat16)).dtype == torch.float16


def test_autocast_is_off_inside():
    with torch.autocast("cpu", torch.bfloat16):
        assert product_dtype(torch.ones(2, 2), y=torch.ones(2, 2)).dtype == torch.float32
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == torch.bfloat16


def test_tensors_may_be_passed_by_keyword():
    x = torch.rand(2, 3, 5)
    torch.testing.assert_close(covariance(x=x), covariance(x))
    torch.testing.assert_close(cross_covariance(x=x, y=x), covariance(x))
