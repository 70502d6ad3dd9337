import pytest
import torch

from covpool.models.architectures.assembled.blur import Blur


@pytest.mark.parametrize("size", range(2, 8))
def test_every_filter_halves_twelve_pixels_and_keeps_a_constant(size):
    y = Blur(size)(torch.full((1, 2, 12, 12), 3.0))
    torch.testing.assert_close(y, torch.full((1, 2, 6, 6), 3.0))


def test_the_filter_is_a_constant_outside_the_state_dict_and_follows_the_dtype():
    blur = Blur(3)
    assert not blur.state_dict()
    assert not list(blur.parameters())
    assert blur(torch.ones(1, 1, 4, 4, dtype=torch.float16)).dtype == torch.float16


def test_without_a_stride_there_is_no_filter():
    x = torch.rand(1, 2, 5, 5)
    assert Blur(3, stride=1)(x) is x


@pytest.mark.parametrize("size", [0, 1, 8])
def test_filters_that_the_release_does_not_have_are_refused(size):
    with pytest.raises(ValueError, match=f"2 to 7 pixels was needed; got {size}"):
        Blur(size)
