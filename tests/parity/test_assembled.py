"""Layers of Assemble-ResNet against the official code in float64: values, gradients of the input, moving means."""

from collections import OrderedDict

import numpy as np
import pytest
import torch
from torch import nn

from covpool.models.architectures.assembled import shortcut as shortcuts
from covpool.models.architectures.assembled.attention import SelectiveKernel, SqueezeExcitation
from covpool.models.architectures.assembled.blur import Blur
from covpool.models.architectures.assembled.bottleneck import Tweaks, chain
from covpool.models.architectures.assembled.drop_block import drop_squares, seed_rate
from covpool.models.architectures.assembled.layers import convolution, norm
from covpool.pooling import create_pool
from golden_files import GOLDEN, golden

TOLERANCE = {"rtol": 1e-9, "atol": 1e-11}
FLOAT32 = {"rtol": 1e-6, "atol": 1e-7}  # the official mean of powers is computed in it

SK_AA = Tweaks(sk=True, blur=3)
BLOCKS = {
    "v1_s2_eval": (1, 2, Tweaks(), shortcuts.plain),
    "resnetd_s1_eval": (1, 1, Tweaks(), shortcuts.resnet_d),
    "resnetd_s2_eval": (1, 2, Tweaks(), shortcuts.resnet_d),
    "resnetd_s2_odd_eval": (1, 2, Tweaks(), shortcuts.resnet_d),
    "bl_s2_eval": (1, 2, Tweaks(), shortcuts.big_little),
    "bl_sk_sconv3_s2_eval": (1, 2, SK_AA, shortcuts.big_little),
    "bl_sk_sconv3_s2_train": (1, 2, SK_AA, shortcuts.big_little),
    "bl_sk_sconv3_s2_x2_norelu_eval": (2, 2, SK_AA, shortcuts.big_little),
    "proj3_s2_eval": (1, 2, Tweaks(blur=3), shortcuts.blurred(3)),  # "sconv" and "proj"
}


def official_layers(module):
    """Official name of each layer -> ours: convolutions and norms in order, gates by their own names."""
    layers, counts = {}, {"conv2d": 0, "batch_normalization": 0, "sk_block": 0}

    def numbered(kind):
        number, counts[kind] = counts[kind], counts[kind] + 1
        return f"{kind}_{number}" if number else kind

    def visit(part):
        if isinstance(part, SelectiveKernel):
            gate = numbered("sk_block")
            layers.update({f"{gate}/sk_fc_1": part.squeeze, f"{gate}/sk_fc_2": part.excite})
            layers[f"{gate}/batch_normalization"] = part.bn
        elif isinstance(part, nn.Conv2d):
            layers[numbered("conv2d")] = part
        elif isinstance(part, nn.BatchNorm2d):
            layers[numbered("batch_normalization")] = part
        for child in part.children() if not isinstance(part, SelectiveKernel) else ():
            visit(child)

    visit(module)
    return layers


def variables(module):
    """Official name of each variable -> our tensor."""
    found = {}
    for name, layer in official_layers(module).items():
        if isinstance(layer, nn.Conv2d):
            found[f"{name}/kernel"] = layer.weight
        else:
            ours = (layer.weight, layer.bias, layer.running_mean, layer.running_var)
            theirs = ("gamma", "beta", "moving_mean", "moving_variance")
            found |= {f"{name}/{leaf}": tensor for leaf, tensor in zip(theirs, ours, strict=True)}
    return found


def load(module, fields):
    places = variables(module)
    arrays = {name[len("param:") :]: value for name, value in fields.items() if name.startswith("param:")}
    assert set(places) == set(arrays)
    with torch.no_grad():
        for name, array in arrays.items():
            places[name].copy_(array.permute(3, 2, 0, 1) if array.dim() == 4 else array)


def assert_equal(module, fields, tolerance=TOLERANCE):
    x = fields["x"].clone().requires_grad_()
    y = module(x)
    torch.testing.assert_close(y, fields["y"].reshape(y.shape), **tolerance)
    y.backward(fields["upstream"].reshape(y.shape))
    torch.testing.assert_close(x.grad, fields["grad_x"], **tolerance)


def assert_moving_means_equal(module, fields):
    places = variables(module)
    means = {name: value for name, value in fields.items() if name.startswith("after:") and name.endswith("mean")}
    assert means
    for name, value in means.items():
        torch.testing.assert_close(places[name.removeprefix("after:")], value, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("size", range(2, 8))
def test_a_blur_equals_the_official_filter(size):
    assert_equal(Blur(size).double(), golden(f"assembled/layers/blur{size}_s2"))


def test_a_blur_of_an_odd_map_equals_the_official_filter():
    assert_equal(Blur(3).double(), golden("assembled/layers/blur3_s2_odd"))


@pytest.mark.parametrize(
    ("name", "width", "stride"), [("sk_eval", 16, 1), ("sk_stride2_eval", 80, 2), ("sk_train", 16, 1)]
)
def test_a_selective_kernel_equals_the_official_one(name, width, stride):
    fields = golden(f"assembled/layers/{name}")
    conv, bn = convolution(8, 2 * width, 3, stride), norm(2 * width)
    unit = nn.Sequential(OrderedDict(conv=conv, bn=bn, relu=nn.ReLU(), sk=SelectiveKernel(width)))
    unit = unit.double().train(name.endswith("train"))
    load(unit, fields)
    assert_equal(unit, fields)
    if unit.training:
        assert_moving_means_equal(unit, fields)


def test_squeeze_and_excitation_equals_the_official_one():
    fields = golden("assembled/layers/se")
    gate = SqueezeExcitation(64).double()
    for number, layer in ((1, gate.squeeze), (2, gate.excite)):
        layer.weight.data = fields[f"param:se_block/seblock_dense_{number}/kernel"].permute(3, 2, 0, 1)
    assert_equal(gate, fields)


def test_the_fixed_generalized_mean_equals_the_official_one():
    assert_equal(create_pool("gem-fixed", 6), golden("assembled/layers/gem"), FLOAT32)


@pytest.mark.parametrize("name", BLOCKS)
def test_blocks_equal_the_official_ones(name):
    fields = golden(f"assembled/layers/block_{name}")
    blocks, stride, tweaks, shortcut = BLOCKS[name]
    last_relu = "norelu" not in name
    module = chain(16, 8, blocks, stride, tweaks=tweaks, shortcut=shortcut, last_relu=last_relu)
    module = module.double().train(name.endswith("train"))
    load(module, fields)
    assert_equal(module, fields)
    if module.training:
        assert_moving_means_equal(module, fields)


@pytest.mark.parametrize("name", ["h7_b7", "h9_b4", "h10_b3", "h14_b7"])
def test_the_same_seeds_drop_the_same_squares(name):
    fields = golden(f"assembled/layers/dropblock_{name}")
    x, block_size = fields["x"].clone().requires_grad_(), int(fields["block_size"])
    gamma = seed_rate(*x.shape[-2:], float(fields["keep_prob"]), block_size, float(fields["gamma_scale"]))
    assert gamma == pytest.approx(float(fields["gamma"]), rel=1e-12)
    y = drop_squares(x, fields["uniform_seeds"] < gamma, block_size)
    torch.testing.assert_close(y, fields["y"], **FLOAT32)  # the scale is a quotient of float32 numbers
    y.sum().backward()
    torch.testing.assert_close(x.grad, fields["grad_of_sum"], **FLOAT32)


def test_seed_rates_equal_the_official_table():
    with np.load(GOLDEN / "assembled/layers/dropblock_gamma_table.npz") as file:
        assert file["columns"].tolist() == ["h", "block", "keep_prob", "gamma_scale", "gamma"]
        table = file["table"].tolist()
    for side, block, keep_prob, scale, gamma in table:
        assert seed_rate(int(side), int(side), keep_prob, int(block), scale) == pytest.approx(gamma, rel=1e-9)
