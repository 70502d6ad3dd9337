import pytest
import timm
import torch
from timm.layers import BatchNormAct2d
from torch import nn

from covpool.models.techniques.body import Body, NothingToChange, sized_norm


@pytest.fixture
def body():
    with torch.device("meta"):
        return Body(timm.create_model("test_resnet", num_classes=0))


def test_what_follows_a_module_is_on_its_device_with_the_momentum_of_the_backbone(body):
    for norm in body.backbone.modules():
        if isinstance(norm, nn.BatchNorm2d):
            norm.momentum = 0.25
    new = nn.BatchNorm2d(32)
    body.after("layer1.0.bn2", new)
    assert new.weight.is_meta
    assert new.running_mean.is_meta
    assert new.momentum == 0.25
    assert body.module("layer1.0.bn2")[1] is new


def test_the_precision_is_that_of_the_backbone():
    backbone = timm.create_model("test_resnet", num_classes=0).double()
    new = nn.BatchNorm2d(32)
    Body(backbone).after("layer1.0.bn2", new)
    assert new.weight.dtype == new.running_var.dtype == torch.float64
    assert new.num_batches_tracked.dtype == torch.int64


def test_a_refusal_says_what_was_looked_for(body):
    with pytest.raises(NothingToChange, match=r"needs wings; ResNet has none\. Try feathers"):
        raise body.refuse("wings", "Try feathers")


def test_a_slot_is_the_last_module_that_passes_a_value_on(body):
    last = body.residuals[0]
    assert body.slot(last.branch, last.block) == last.branch.made_by[-1]
    assert body.slot(body.graph.nodes[0], "layer1.0") is None


def test_a_value_that_a_function_made_is_changed_before_that_function():
    with torch.device("meta"):
        body = Body(timm.create_model("convnext_atto", num_classes=0))
    scaled = next(node for node in body.graph.nodes if node.name == "mul")
    scaled.made_by.clear()  # as if no identity of timm passed it on
    assert body.slot(scaled, "stages.0.blocks.0") == "stages.0.blocks.0.mlp"


@pytest.mark.parametrize("norm", [nn.BatchNorm2d(4, eps=1e-3, momentum=0.01), BatchNormAct2d(4, act_layer=nn.SiLU)])
def test_a_norm_of_another_width_is_fresh_and_of_the_same_kind(norm):
    norm.weight.data.fill_(3.0)
    norm.running_mean.fill_(5.0)
    made = sized_norm(norm, 6)
    assert type(made) is type(norm)
    assert (made.eps, made.momentum, made.num_features) == (norm.eps, norm.momentum, 6)
    assert made.weight.tolist() == [1.0] * 6
    assert made.running_mean.tolist() == [0.0] * 6
    assert norm.weight.shape == (4,)
    assert made(torch.randn(2, 6, 3, 3)).shape == (2, 6, 3, 3)


def test_only_batch_norms_get_another_width():
    with pytest.raises(TypeError, match="a batch norm was needed; got LayerNorm"):
        sized_norm(nn.LayerNorm(4), 8)
