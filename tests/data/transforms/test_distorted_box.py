import pytest
import torch

from covpool.data.transforms.distorted_box import DistortedBox


def boxes(box, height, width, count=3000):
    torch.manual_seed(0)
    return torch.tensor([box(height, width) for _ in range(count)])


def test_a_box_is_inside_and_keeps_its_bounds():
    drawn = boxes(DistortedBox((0.05, 1.0), (0.75, 1.33)), 90, 120)
    top, left, height, width = drawn.T
    assert (top >= 0).all()
    assert (left >= 0).all()
    assert (top + height <= 90).all()
    assert (left + width <= 120).all()
    area = height * width / (90 * 120)
    assert area.min() >= 0.1  # what has to be covered, not the 0.05 that is asked for
    assert area.max() <= 1
    aspect = width / height
    assert 0.7 < aspect.min() < 0.78
    assert 1.28 < aspect.max() < 1.4


def test_the_height_is_drawn_evenly_and_not_the_area():
    _, _, height, _ = boxes(DistortedBox((0.25, 1.0), (1.0, 1.0), covered=0.0), 100, 100).T.float()
    counts = torch.histc(height, bins=5, min=50, max=101)
    assert (counts / counts.sum() - 0.2).abs().max() < 0.03


def test_the_last_place_is_never_drawn():
    top, _, height, _ = boxes(DistortedBox((0.25, 0.25), (1.0, 1.0), covered=0.0), 8, 8).T
    assert (height == 4).all()
    assert set(top.tolist()) == {0, 1, 2, 3}


@pytest.mark.parametrize("size", [(1, 400), (400, 1), (1, 1), (2, 3)])
def test_where_no_box_fits_it_is_the_whole_picture(size):
    drawn = boxes(DistortedBox((0.5, 1.0), (0.75, 1.33), attempts=10, covered=0.5), *size, count=50)
    assert (drawn[:, 2:] >= 1).all()
    if max(size) == 400:
        assert drawn.tolist() == [[0, 0, *size]] * 50


def test_the_same_seed_gives_the_same_box():
    box = DistortedBox((0.05, 1.0), (0.75, 1.33))
    assert torch.equal(boxes(box, 300, 200, 5), boxes(box, 300, 200, 5))
