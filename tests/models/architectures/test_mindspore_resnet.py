import pytest
import timm
import torch
from torch import nn
from torch.nn import functional as F

from covpool.models.architectures.mindspore_resnet import mindspore_resnet18, mindspore_resnet34, mindspore_resnet50


@pytest.fixture(scope="module")
def resnet50():
    torch.manual_seed(0)
    return mindspore_resnet50().eval()


def norms(network):
    return {name: m for name, m in network.named_modules() if isinstance(m, nn.BatchNorm2d)}


@pytest.mark.parametrize("build", [mindspore_resnet18, mindspore_resnet34])
def test_the_plain_networks_mix_two_kinds_of_norm(build):
    with torch.device("meta"):
        found = norms(build())
    for name, norm in found.items():
        plain = name == "bn1" or name.endswith("downsample.1")
        assert (norm.eps, norm.momentum) == ((1e-5, 0.9) if plain else (1e-4, 0.1))
    assert sum(norm.eps == 1e-5 for norm in found.values()) == 4


def test_the_bottleneck_network_has_one_kind():
    with torch.device("meta"):
        assert {(norm.eps, norm.momentum) for norm in norms(mindspore_resnet50()).values()} == {(1e-4, 0.1)}


@pytest.mark.parametrize("size", [64, 65, 70])
def test_same_padding_puts_the_odd_pixel_behind(resnet50, size):
    network = resnet50
    x = torch.randn(1, 3, size, size)
    total = max((-(-size // 2) - 1) * 2 + 7 - size, 0)
    before, after = total // 2, total - total // 2
    stem = F.conv2d(F.pad(x, (before, after, before, after)), network.conv1.weight, stride=2)
    torch.testing.assert_close(network.conv1(x), stem)
    side = stem.shape[-1]
    total = max((-(-side // 2) - 1) * 2 + 3 - side, 0)
    lowest = F.pad(stem, (total // 2, total - total // 2) * 2, value=float("-inf"))
    assert torch.equal(network.maxpool(stem), F.max_pool2d(lowest, 3, 2))
    assert network.forward_features(x).shape == (1, 2048, -(-size // 16), -(-size // 16))


def test_the_weights_of_a_torch_resnet_fit_and_compute_something_else(resnet50):
    with torch.device("meta"):
        theirs = timm.create_model("resnet50", num_classes=0).eval()
    theirs.load_state_dict(resnet50.state_dict(), assign=True)
    for module in theirs.layer4[0].modules():
        if isinstance(module, nn.Conv2d):
            module.stride = (1, 1)
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        found, expected = resnet50.forward_features(x), theirs.forward_features(x)
    assert found.shape == expected.shape
    assert (found - expected).norm() > 0.1 * expected.norm()


def test_only_strided_windows_are_changed():
    with torch.device("meta"):
        network = mindspore_resnet50()
    changed = [name for name, module in network.named_modules() if type(module).__name__ == "Conv2dSame"]
    assert changed == ["conv1", "layer2.0.conv2", "layer3.0.conv2"]
    assert network.layer4[0].conv2.stride == network.layer4[0].downsample[0].stride == (1, 1)
