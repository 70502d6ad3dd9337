"""Techniques applied to plain blocks against the official blocks that were built with them, in float64."""

import pytest
from torch import nn

from covpool.models.architectures.assembled import shortcut as shortcuts
from covpool.models.architectures.assembled.bottleneck import Tweaks, chain
from covpool.models.architectures.assembled.layers import convolution, norm
from covpool.models.techniques import apply_techniques
from golden_files import golden
from parity.test_assembled import TOLERANCE, assert_equal, assert_moving_means_equal, load

SK_AA = ["sk", {"name": "anti-alias", "places": "sconv"}]
PROJ = [{"name": "anti-alias", "places": "sconv+proj"}]
BLOCKS = {
    "bl_sk_sconv3_s2_eval": (1, shortcuts.big_little, SK_AA),
    "bl_sk_sconv3_s2_train": (1, shortcuts.big_little, SK_AA),
    "bl_sk_sconv3_s2_x2_norelu_eval": (2, shortcuts.big_little, SK_AA),
    "proj3_s2_eval": (1, shortcuts.plain, PROJ),
}


class Around(nn.Module):
    """A backbone that passes its input through an identity, which reads the image, and then through ``layers``."""

    def __init__(self, layers, channels):
        super().__init__()
        self.stem = convolution(channels, channels, 1)
        nn.init.dirac_(self.stem.weight)
        self.layers = layers
        self.pretrained_cfg = {"input_size": (channels, 16, 16)}

    def forward_features(self, x):
        return self.layers(self.stem(x))


def changed(layers, channels, choices):
    return apply_techniques(Around(layers, channels).double(), choices).layers


@pytest.mark.parametrize("name", BLOCKS)
def test_a_plain_block_becomes_the_official_one(name):
    blocks, shortcut, choices = BLOCKS[name]
    fields = golden(f"assembled/layers/block_{name}")
    plain = chain(16, 8, blocks, 2, tweaks=Tweaks(), shortcut=shortcut, last_relu="norelu" not in name)
    module = changed(plain, 16, choices).train(name.endswith("train"))
    load(module, fields)
    assert_equal(module, fields)
    if module.training:
        assert_moving_means_equal(module, fields)


@pytest.mark.parametrize(
    ("name", "width", "stride"), [("sk_eval", 16, 1), ("sk_stride2_eval", 80, 2), ("sk_train", 16, 1)]
)
def test_a_convolution_becomes_the_official_selective_kernel(name, width, stride):
    fields = golden(f"assembled/layers/{name}")
    plain = nn.Sequential(convolution(8, width, 3, stride), norm(width), nn.ReLU())
    module = changed(plain, 8, ["sk"]).train(name.endswith("train"))
    load(module, fields)
    assert_equal(module, fields)


@pytest.mark.parametrize("size", range(2, 8))
def test_a_pool_gets_the_official_filter(size):
    fields = golden(f"assembled/layers/blur{size}_s2")
    channels = fields["x"].shape[1]
    module = changed(nn.Sequential(nn.MaxPool2d(1, 2)), channels, [{"name": "anti-alias", "kernel": size}])
    assert_equal(module, fields)


def test_the_gate_is_the_official_one():
    fields = golden("assembled/layers/se")
    identity = convolution(64, 64, 1)
    nn.init.dirac_(identity.weight)
    module = changed(nn.Sequential(identity), 64, ["se"])
    gate = next(each for each in module.modules() if hasattr(each, "fc1"))
    for number, layer in ((1, gate.fc1), (2, gate.fc2)):
        layer.weight.data = fields[f"param:se_block/seblock_dense_{number}/kernel"].permute(3, 2, 0, 1)
    assert_equal(module, fields, TOLERANCE)
