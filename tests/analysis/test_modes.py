import torch
from torch import nn

from analysis.tiny import batches, tiny
from covpool.analysis.modes import calibrate, fixed_draws, measured_copy


def norms(network):
    return [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]


def test_what_is_on_in_each_mode():
    states = {}
    for mode in ("training", "batch-statistics", "evaluation", "calibrated"):
        copied = measured_copy(tiny(dropout=0.5), mode, torch.float64)
        states[mode] = (norms(copied)[0].training, copied.backbone["drop"].training)
    assert states == {
        "training": (True, True),
        "batch-statistics": (True, False),
        "evaluation": (False, False),
        "calibrated": (False, False),
    }


def test_the_root_of_a_copy_is_plain_and_that_of_the_network_is_not():
    network = tiny()
    assert measured_copy(network, "evaluation", torch.float64).head.pool.normalize.backend == "plain"
    assert network.head.pool.normalize.backend == "auto"


def test_calibration_takes_the_mean_of_the_statistics_of_the_batches():
    network, given = tiny().double(), [(images.double(), labels) for images, labels in batches(3)]
    momentum = norms(network)[0].momentum
    calibrate(network.eval(), given)
    maps = [network.backbone["conv"](images) for images, _ in given]
    expected = torch.stack([map.mean((0, 2, 3)) for map in maps]).mean(0)
    torch.testing.assert_close(norms(network)[0].running_mean, expected)
    assert norms(network)[0].momentum == momentum
    assert not norms(network)[0].training


def test_draws_inside_are_fixed_and_outside_untouched():
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    with fixed_draws(0, torch.device("cpu")):
        inside = torch.rand(2)
    assert torch.equal(torch.rand(2), expected)
    with fixed_draws(0, torch.device("cpu")):
        assert torch.equal(torch.rand(2), inside)
