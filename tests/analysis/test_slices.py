import pytest
import torch

from analysis.tiny import batches, tiny
from covpool.analysis import NotFinite, Objective, filter_normalised, line, plane


def test_each_filter_of_a_direction_is_as_long_as_that_of_the_weights():
    objective = Objective(tiny(), batches())
    direction = filter_normalised(objective, 0)
    for weight, drawn in zip(objective.tensors(objective.start), objective.tensors(direction), strict=True):
        if weight.dim() < 2:
            assert not drawn.any()
        else:
            torch.testing.assert_close(drawn.flatten(1).norm(dim=1), weight.flatten(1).norm(dim=1))
    assert torch.equal(direction, filter_normalised(objective, 0))
    assert not torch.equal(direction, filter_normalised(objective, 1))


def test_filters_of_another_scale_give_the_same_picture():
    """Batch norm divides the scale of a convolution out again."""
    network, other = tiny(), tiny()
    with torch.no_grad():
        other.backbone["conv"].weight.mul_(7)
    pictures = [line(Objective(given, batches()), points=5)["losses"] for given in (network, other)]
    assert pictures[0] == pytest.approx(pictures[1], rel=1e-2)  # up to the eps of batch norm


def test_a_plane_holds_the_line_and_the_loss_in_the_middle():
    objective = Objective(tiny(), batches())
    found, along = plane(objective, points=5), line(objective, points=5)
    assert found["losses"][2][2] == objective.value(objective.start)
    assert [row[2] for row in found["losses"]] == along["losses"]
    assert along["steps"] == [-1, -0.5, 0, 0.5, 1]


def test_slices_need_a_middle_and_numbers():
    objective = Objective(tiny(), batches())
    with pytest.raises(ValueError, match="odd number of points"):
        line(objective, points=4)
    with pytest.raises(NotFinite, match="take a smaller reach"):
        line(Objective(tiny(), batches(), mode="evaluation"), reach=1e300)
