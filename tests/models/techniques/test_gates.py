import pytest
import timm
import torch
from timm.layers import EcaModule, SEModule
from torch import nn

from covpool.models.techniques import NothingToChange, apply_techniques
from covpool.models.techniques.gates import has_gate


def on_meta(name, *choices):
    with torch.device("meta"):
        return apply_techniques(timm.create_model(name, num_classes=0), choices)


def gates(backbone, kind):
    return {name: module for name, module in backbone.named_modules() if isinstance(module, kind)}


def test_each_residual_branch_gets_a_gate_behind_its_last_norm():
    found = gates(on_meta("resnet26", "se"), SEModule)
    assert list(found)[:2] == ["layer1.0.bn3.1", "layer1.1.bn3.1"]
    assert len(found) == 8
    assert {gate.fc1.weight.shape for gate in found.values()} == {(c // 16, c, 1, 1) for c in (256, 512, 1024, 2048)}


def test_the_parameters_are_those_of_the_assembled_network_with_se():
    plain, gated = on_meta("resnet50"), on_meta("resnet50", "se")
    added = sum(p.numel() for p in gated.parameters()) - sum(p.numel() for p in plain.parameters())
    assert added == 28_074_025 - 25_559_081  # assembled/resnet50-se and assembled/resnet50


def test_a_plain_network_gets_a_gate_a_stage():
    assert list(gates(on_meta("vgg11_bn", "se"), SEModule)) == [f"features.{i}.1" for i in (2, 6, 13, 20, 27)]


def test_eca_has_the_published_kernel_or_the_one_that_is_asked_for():
    widths = {gate.conv.kernel_size[0] for gate in gates(on_meta("resnet26", "eca"), EcaModule).values()}
    assert widths == {5, 7}  # of 256 and 512, and of 1024 and 2048 channels
    asked = gates(on_meta("resnet18", {"name": "eca", "kernel": 9}), EcaModule)
    assert {gate.conv.kernel_size for gate in asked.values()} == {(9,)}


@pytest.mark.parametrize(
    ("choice", "says"),
    [({"name": "se", "ratio": 0}, "ratio needs"), ({"name": "eca", "kernel": 4}, "kernel needs an odd number")],
)
def test_wrong_options_are_said(choice, says):
    with pytest.raises(ValueError, match=says):
        on_meta("resnet18", choice)


def test_tokens_and_networks_with_gates_are_refused():
    with pytest.raises(NothingToChange, match=r"se needs .* maps \(B, C, H, W\); VisionTransformer has none"):
        on_meta("test_vit", "se")
    with pytest.raises(NothingToChange, match="without a channel gate"):
        on_meta("seresnet18" if timm.is_model("seresnet18") else "seresnet50", "eca")


@pytest.mark.parametrize("name", ["legacy_seresnet18", "hgnet_tiny", "ese_vovnet19b_dw"])
def test_gates_of_a_familys_own_kind_are_known(name):
    with pytest.raises(NothingToChange, match="Its own gates stay as they are"):
        on_meta(name, "se")


def test_a_gate_scales_the_branch_and_not_the_shortcut():
    backbone = timm.create_model("test_resnet", num_classes=0).eval()
    x = torch.randn(1, 3, 64, 64)
    apply_techniques(backbone, ["se"])
    for gate in gates(backbone, SEModule).values():
        nn.init.zeros_(gate.fc2.weight)  # sigmoid(0) is one half
    block = backbone.layer1[0]
    inner = block.bn2 if hasattr(block, "bn2") else None
    assert inner is not None
    last = block.bn3 if hasattr(block, "bn3") else block.bn2
    seen = {}
    last[0].register_forward_hook(lambda m, i, o: seen.update(before=o.clone()))
    last.register_forward_hook(lambda m, i, o: seen.update(after=o.clone()))
    with torch.no_grad():
        backbone.forward_features(x)
    torch.testing.assert_close(seen["after"], seen["before"] / 2)


def test_a_gate_is_seen():
    assert has_gate(on_meta("seresnet50"))
    assert not has_gate(on_meta("resnet18"))
