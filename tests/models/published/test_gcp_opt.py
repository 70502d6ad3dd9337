import pytest
import torch
from torch import nn

from covpool.evaluation.flops import forward_flops
from covpool.models import create_network, published_networks
from covpool.models.published.gcp_opt import NETWORKS

QUICK = ("resnet18", "mobilenet", "x1_0")

# README of DropCov and GCP-OPT: depth -> parameters in millions, "FLOPs" in thousands of millions.
TABLE = {18: (19.6, 3.11), 34: (29.6, 5.56), 50: (32.0, 6.19), 101: (51.0, 9.90)}


def the_others_are_slow(names):
    return [n if any(quick in n for quick in QUICK) else pytest.param(n, marks=pytest.mark.slow) for n in names]


def on_meta(name, **options):
    with torch.device("meta"):
        return create_network(name, **options)


def layer_products(network):
    """Multiply-adds of convolutions and linear layers at 224 pixels, without the pool."""
    total = 0

    def add(module, inputs, output):
        nonlocal total
        total += output.numel() * module.weight[0].numel()

    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.register_forward_hook(add)
    with torch.device("meta"), torch.no_grad():
        network.eval()(torch.zeros(1, 3, 224, 224))
    return total


def strided_in_the_first_convolution(network):
    """The bottlenecks of He et al. 2016, which older counting tools know: the stride before the 3x3 convolution."""
    for layer in (network.backbone.layer2, network.backbone.layer3):
        first = layer[0]
        if hasattr(first, "conv3"):
            first.conv1.stride, first.conv2.stride = (2, 2), (1, 1)
    return network


@pytest.mark.parametrize("name", the_others_are_slow(NETWORKS))
def test_parameters_and_multiply_adds_are_those_of_the_card(name):
    network, card = on_meta(name), NETWORKS[name]
    assert sum(p.numel() for p in network.parameters()) == card.parameters
    with torch.device("meta"):
        assert forward_flops(network, torch.zeros(1, 3, 224, 224)) == 2 * card.flops


def test_the_published_parameters_are_those_of_128_channels():
    """19.6 for ResNet-18 stays 0.1 above."""
    counted = {50: published_networks.get("gcp_opt/mindspore-resnet50-dropcov").parameters / 1e6}
    counted[34] = published_networks.get("gcp_opt/mindspore-resnet34-dropcov").parameters / 1e6
    counted[18] = published_networks.get("gcp_opt/mindspore-resnet18-dropcov").parameters / 1e6
    assert {depth: round(millions, 1) for depth, millions in counted.items()} == {18: 19.5, 34: 29.6, 50: 32.0}
    assert {depth: TABLE[depth][0] for depth in counted} == {18: 19.6, 34: 29.6, 50: 32.0}


@pytest.mark.parametrize("depth", [18, 50, pytest.param(101, marks=pytest.mark.slow)])
def test_the_published_flops_are_those_of_256_channels_and_early_strides(depth):
    network = strided_in_the_first_convolution(on_meta(f"gcp_opt/resnet{depth}-dropcov", reduce_to=256))
    assert layer_products(network) / 1e9 == pytest.approx(TABLE[depth][1], abs=0.0051)


def test_the_published_flops_of_resnet34_have_two_digits_swapped():
    counted = layer_products(on_meta("gcp_opt/resnet34-dropcov", reduce_to=256)) / 1e9
    assert round(counted, 2) == 5.65
    assert TABLE[34][1] == 5.56


def test_released_widths_are_the_defaults():
    assert NETWORKS["gcp_opt/resnet50-dropcov"].network.reduce_to == 256
    assert NETWORKS["gcp_opt/mindspore-resnet50-dropcov"].network.reduce_to == 128
    assert NETWORKS["gcp_opt/mobilenet-v2-mpncov-128"].network.reduce_to == 128


def test_mobile_networks_reduce_with_relu6_and_drop_a_fifth():
    network = on_meta("gcp_opt/mobilenet-v2-mpncov")
    assert isinstance(network.head.pool.reduce.act, nn.ReLU6)
    assert network.head.drop.p == 0.2
    assert isinstance(on_meta("gcp_opt/shufflenet-v2-x1_0-mpncov").head.pool.reduce.act, nn.ReLU6)


def test_the_reduction_of_mindspore_networks_has_their_eps():
    assert on_meta("gcp_opt/mindspore-resnet18-dropcov").head.pool.reduce.norm.eps == 1e-4


@pytest.mark.parametrize("name", ["gcp_opt/resnet18-mpncov", "gcp_opt/mindspore-resnet18-mpncov"])
def test_maps_keep_fourteen_pixels_of_224(name):
    with torch.device("meta"):
        assert create_network(name).forward_features(torch.zeros(1, 3, 224, 224)).shape == (1, 512, 14, 14)


def test_cards_state_what_the_readmes_state():
    card = NETWORKS["gcp_opt/resnet50-mpncov"]
    assert (card.top1_error, card.top5_error) == (21.44, 5.91)
    assert card.files[0].name == "ResNet50_GCP_LRnorm.pth.tar"
    assert NETWORKS["gcp_opt/resnet34-dropcov"].top1_error == 23.19
    assert NETWORKS["gcp_opt/mindspore-resnet50-dropcov"].top1_error == 22.23
    assert NETWORKS["gcp_opt/resnet152-mpncov"].top1_error is None
