from collections import Counter

import pytest
import timm
import torch
from timm.layers import DropPath
from torch import nn

from covpool import create_network
from covpool.models.architectures.assembled import DropBlock, assembled_resnet
from covpool.models.techniques import NothingToChange, apply_techniques


def on_meta(name, *choices, **options):
    with torch.device("meta"):
        return apply_techniques(timm.create_model(name, num_classes=0, **options), choices)


def drops(backbone):
    return {name: module for name, module in backbone.named_modules() if isinstance(module, DropBlock)}


def test_drop_block_stands_where_assemble_has_it():
    ours = drops(on_meta("resnet50", "drop-block"))
    with torch.device("meta"):
        theirs = drops(assembled_resnet())
    assert Counter(d.scale for d in ours.values()) == Counter(d.scale for d in theirs.values()) == {0.25: 19, 1.0: 10}
    at = {name.removesuffix(".1"): drop.scale for name, drop in ours.items()}
    assert {name for name in at if name.startswith("layer4.0.")} == {
        "layer4.0.bn1",
        "layer4.0.bn2",
        "layer4.0.bn3",
        "layer4.0.downsample.1",
    }
    assert {at[name] for name in at if name.startswith("layer4")} == {1.0}


def test_drop_block_follows_a_selective_kernel():
    names = drops(on_meta("resnet26", "sk", "drop-block"))
    assert "layer4.0.conv2.1" in names
    assert len(names) == 14


def test_drop_block_finds_branches_where_no_norm_is_on_maps_and_convolutions_where_there_is_none():
    assert all(".drop_path" in name for name in drops(on_meta("test_convnext", "drop-block")))
    assert all(name.startswith("features.") for name in drops(on_meta("vgg11", "drop-block")))


def test_small_maps_are_dropped_whole_or_an_error():
    x = torch.randn(2, 3, 64, 64)
    clamped = apply_techniques(timm.create_model("test_resnet", num_classes=0), ["drop-block"])
    clamped.train().forward_features(x)
    choice = {"name": "drop-block", "clamp": False, "block": 9}
    strict = apply_techniques(timm.create_model("test_resnet", num_classes=0), [choice])
    with pytest.raises(ValueError, match="DropBlock needs maps of at least 9x9"):
        strict.train().forward_features(x)


def test_a_network_sets_what_is_kept_everywhere():
    with torch.device("meta"):
        network = create_network("test_resnet", "avg", 3, techniques=["drop-block"])
        without = create_network("test_resnet", "avg", 3)
    network.set_keep_prob(0.75)
    assert {drop.keep_prob for drop in drops(network).values()} == {0.75}
    with pytest.raises(ValueError, match="keep_prob must be above 0"):
        network.set_keep_prob(0.0)
    with pytest.raises(ValueError, match="needs a network with DropBlock; 'test_resnet' has none"):
        without.set_keep_prob(0.5)


@pytest.mark.parametrize("name", ["resnet26", "test_vit"])
def test_the_rates_of_drop_path_are_those_of_timm(name):
    ours = on_meta(name, {"name": "drop-path", "rate": 0.2})
    theirs = on_meta(name, drop_path_rate=0.2)
    rates = [
        [m.drop_prob for m in each.modules() if isinstance(m, DropPath) and m.drop_prob] for each in (ours, theirs)
    ]
    assert len(rates[0]) >= 7
    assert rates[0] == pytest.approx(rates[1])


def test_rates_that_are_there_are_set_anew():
    changed = on_meta("resnet18", {"name": "drop-path", "rate": 0.4}, drop_path_rate=0.1)
    rates = [m.drop_prob for m in changed.modules() if isinstance(m, DropPath) and m.drop_prob]
    assert rates == pytest.approx([0.4 * i / 7 for i in range(1, 8)])


def test_zero_gamma_is_that_of_timm_and_starts_each_block_as_its_shortcut():
    ours = apply_techniques(timm.create_model("resnet26", num_classes=0, zero_init_last=False), ["zero-gamma"])
    zeroed = {name for name, p in ours.named_parameters() if not p.any() and name.endswith("weight")}
    theirs = timm.create_model("resnet26", num_classes=0, zero_init_last=True)
    assert zeroed == {name for name, p in theirs.named_parameters() if not p.any() and name.endswith("weight")}
    x = torch.randn(1, 256, 8, 8).relu()
    torch.testing.assert_close(ours.eval().layer1[1](x), x)


def test_zero_gamma_says_where_it_changes_nothing(caplog):
    apply_techniques(timm.create_model("test_resnet", num_classes=0, zero_init_last=False), ["zero-gamma"])
    assert not caplog.messages
    apply_techniques(timm.create_model("test_resnet", num_classes=0), ["zero-gamma"])
    assert "ResNet's branches start at 0 already" in caplog.text


def test_zero_gamma_finds_the_norm_in_front_of_a_gate():
    backbone = timm.create_model("resnet18", num_classes=0, zero_init_last=False)
    changed = apply_techniques(backbone, ["se", "zero-gamma"])
    assert not changed.layer1[0].bn2[0].weight.any()
    assert isinstance(changed.layer1[0].bn2[0], nn.BatchNorm2d)


def test_zero_gamma_does_not_spoil_pretrained_weights():
    with pytest.raises(ValueError, match="'zero-gamma' is for training from scratch"):
        create_network("resnet18", "avg", 3, pretrained=True, techniques=["zero-gamma"])


@pytest.mark.parametrize(
    ("name", "choice", "says"),
    [
        ("vgg11_bn", "drop-path", "drop-path needs residual blocks"),
        ("test_vit", "drop-block", r"maps \(B, C, H, W\); VisionTransformer has none"),
        ("test_vit", "zero-gamma", "residual branches that end in a norm"),
        ("resnet18", {"name": "drop-path", "rate": 1.0}, "rate needs a probability"),
        ("resnet18", {"name": "drop-block", "block": 0}, "block needs a side"),
        ("resnet18", {"name": "drop-block", "keep_prob": 0.0}, "keep_prob must be above 0"),
    ],
)
def test_what_does_not_fit_is_said(name, choice, says):
    with pytest.raises(ValueError, match=says):
        on_meta(name, choice)


def test_drop_block_twice_is_refused():
    with pytest.raises(ValueError, match="DropBlock already") as error:
        on_meta("resnet18", "drop-block", "drop-block")
    assert not isinstance(error.value, NothingToChange)
