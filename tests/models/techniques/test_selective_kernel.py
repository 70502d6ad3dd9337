import pytest
import timm
import torch
from torch import nn

from covpool.models.techniques import NothingToChange, apply_techniques
from covpool.models.techniques.selective_kernel import SelectiveConvolution


def on_meta(name, *choices):
    with torch.device("meta"):
        return apply_techniques(timm.create_model(name, num_classes=0), choices)


def test_every_bottleneck_of_a_resnet_gets_one_with_the_parameters_of_assemble():
    plain, changed = on_meta("resnet50"), on_meta("resnet50", "sk")
    added = sum(p.numel() for p in changed.parameters()) - sum(p.numel() for p in plain.parameters())
    assert added == 38_773_865 - 25_559_081  # assembled/resnet50-sk and assembled/resnet50
    found = [name for name, module in changed.named_modules() if isinstance(module, SelectiveConvolution)]
    assert len(found) == 16
    assert all(name.endswith("conv2") for name in found)


def test_what_followed_the_convolution_moves_into_it():
    block = on_meta("resnet26", "sk").layer2[0]
    assert isinstance(block.bn2, nn.Identity)
    assert block.conv2.conv.stride == (2, 2)
    assert block.conv2.norm.num_features == block.conv2.conv.out_channels == 256


@pytest.mark.parametrize("groups", [1, 2, 4, 8])
def test_each_half_of_a_grouped_convolution_has_all_groups(groups):
    """With both halves alike, whatever the gate says, the output is either of them: that of one such convolution."""
    whole = nn.Conv2d(8, 8, 3, padding=1, groups=groups, bias=False)
    doubled = nn.Conv2d(8, 16, 3, padding=1, groups=groups, bias=False)
    per_group = whole.weight.detach().unflatten(0, (groups, -1))
    doubled.weight.data = torch.cat([per_group, per_group], dim=1).flatten(0, 1)
    unit = SelectiveConvolution(doubled, nn.Identity(), nn.ReLU()).eval()
    x = torch.randn(2, 8, 5, 5)
    torch.testing.assert_close(unit(x), whole(x).relu())


def test_the_activation_is_the_backbones_own():
    changed = on_meta("test_efficientnet", "sk")
    units = [module for module in changed.modules() if isinstance(module, SelectiveConvolution)]
    assert units
    assert "SiLU" in str(units[0].norm) or "SiLU" in str(units[0].act)


@pytest.mark.parametrize("name", ["test_vit", "test_convnext"])
def test_networks_without_such_convolutions_are_refused(name):
    with pytest.raises(NothingToChange, match="sk needs 3x3 convolutions"):
        on_meta(name, "sk")


def test_units_that_select_already_are_left_alone():
    with pytest.raises(NothingToChange, match="sk needs 3x3 convolutions"):
        on_meta("skresnet18", "sk")
    with pytest.raises(NothingToChange, match="sk needs 3x3 convolutions"):
        on_meta("test_resnet", "sk", "sk")
