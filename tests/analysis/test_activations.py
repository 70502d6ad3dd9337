import pytest
import torch
from torch import nn

from analysis.tiny import batches, tiny
from covpool.analysis import Activations, first_stage
from covpool.models import create_network


@pytest.mark.parametrize(
    ("backbone", "name"),
    [("resnet10t", "maxpool"), ("mobilenetv2_035", "bn1"), ("conv4", "blocks.0"), ("convnext_atto", "stages.0")],
)
def test_the_cut_of_the_released_loop_and_its_like(backbone, name):
    with torch.device("meta"):
        network = create_network(backbone, "avg", num_classes=2, layout="NCHW", pruned=())
    assert first_stage(network) == f"backbone.{name}"


def test_a_network_that_tells_nothing_must_be_told():
    with pytest.raises(ValueError, match="name the submodule with at="):
        first_stage(nn.Linear(2, 2))


@pytest.mark.parametrize("mode", ["training", "batch-statistics", "evaluation", "calibrated"])
def test_in_every_mode_the_same_question_has_the_same_answer(mode):
    function = Activations(tiny(dropout=0.4), batches()[0], mode=mode)
    first = function.gradient(function.start)
    again = function.gradient(function.start)
    assert first[0] == again[0]
    assert torch.equal(first[1], again[1])


def test_a_submodule_that_runs_twice_is_refused():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(2, 2)

        def forward(self, x):
            return self.layer(self.layer(x))

    with pytest.raises(ValueError, match="one tensor once a forward pass"):
        Activations(Twice(), (torch.zeros(2, 2), torch.tensor([0, 1])), at="layer")
