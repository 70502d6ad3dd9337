import pytest
import timm
import torch

from covpool.models.techniques import NothingToChange, apply_techniques
from covpool.models.techniques.big_little import BigLittle


def found(backbone):
    return {name: module for name, module in backbone.named_modules() if isinstance(module, BigLittle)}


def test_inner_blocks_of_each_stage_but_the_last_go_to_half_resolution():
    with torch.device("meta"):
        backbone = apply_techniques(timm.create_model("resnet34", num_classes=0), ["big-little"])
    parts = found(backbone)
    assert {name: len(part.big) for name, part in parts.items()} == {"layer1.0": 2, "layer2.1": 2, "layer3.1": 4}
    assert {name: part.expand.out_channels for name, part in parts.items()} == {
        "layer1.0": 64,
        "layer2.1": 128,
        "layer3.1": 256,
    }


def test_alpha_narrows_and_beta_shortens_the_little_branch():
    with torch.device("meta"):
        choice = {"name": "big-little", "alpha": 4, "beta": 2}
        parts = found(apply_techniques(timm.create_model("resnet34", num_classes=0), [choice]))
    assert parts["layer3.1"].expand.in_channels == 256 // 4
    assert len(parts["layer3.1"].little) == 1  # five blocks: 5 // 2 - 1


@pytest.mark.parametrize("side", [4, 5, 7])
def test_maps_of_odd_sides_come_back_at_their_size(side):
    part = BigLittle([torch.nn.Conv2d(8, 8, 3, padding=1)], 8, alpha=2, depth=1, relu=True)
    y = part(torch.randn(2, 8, side, side))
    assert y.shape == (2, 8, side, side)
    assert y.min() >= 0


def test_a_network_without_chains_of_blocks_is_refused():
    with torch.device("meta"), pytest.raises(NothingToChange, match="two or more residual blocks"):
        apply_techniques(timm.create_model("vgg11_bn", num_classes=0), ["big-little"])


def test_alpha_and_beta_are_whole_numbers_above_0():
    with torch.device("meta"), pytest.raises(ValueError, match="alpha and beta need"):
        apply_techniques(timm.create_model("resnet18", num_classes=0), [{"name": "big-little", "alpha": 0}])
