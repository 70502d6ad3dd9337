import pytest
import torch

from covpool.models.architectures.assembled import shortcut as shortcuts
from covpool.models.architectures.assembled.shortcut import PairAverage, TripleAverage


def test_pairs_at_stride_one_are_averaged_over_the_pixels_that_are_there():
    y = PairAverage(stride=1)(torch.tensor([[1.0, 3.0], [5.0, 7.0]]).view(1, 1, 2, 2))
    assert y.flatten().tolist() == [4.0, 5.0, 6.0, 7.0]


def test_pairs_of_an_even_map_are_the_plain_average():
    x = torch.rand(1, 2, 6, 6)
    torch.testing.assert_close(PairAverage(stride=2)(x), torch.nn.functional.avg_pool2d(x, 2))


def test_triples_count_the_zeros_at_the_edges_and_do_nothing_without_a_stride():
    y = TripleAverage(stride=2)(torch.ones(1, 1, 4, 4))
    torch.testing.assert_close(y.flatten(), torch.tensor([4.0, 6.0, 6.0, 9.0]) / 9)
    x = torch.rand(1, 1, 4, 4)
    assert TripleAverage(stride=1)(x) is x


@pytest.mark.parametrize("name", ["plain", "resnet_d", "big_little", "blurred"])
@pytest.mark.parametrize("side", [7, 8])
def test_every_shortcut_halves_alike(name, side):
    make = shortcuts.blurred(3) if name == "blurred" else getattr(shortcuts, name)
    x = torch.rand(2, 4, side, side)
    assert make(4, 8, 2)(x).shape == (2, 8, 4, 4)
    assert make(4, 8, 1)(x).shape == (2, 8, side, side)
