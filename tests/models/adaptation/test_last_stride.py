import pytest
import timm
import torch
from torch import nn

from covpool.models import create_network
from covpool.models.adaptation.last_stride import keep_last_resolution


def kept_at(name, size=64):
    """A backbone with its last resolution kept, and the heights of its maps before and after."""
    backbone = timm.create_model(name, num_classes=0).eval()
    x = torch.randn(1, 3, size, size)
    with torch.no_grad():
        before = backbone.forward_features(x).shape
        keep_last_resolution(backbone, lambda: backbone.forward_features(x))
        return backbone, before, backbone.forward_features(x).shape


@pytest.mark.parametrize(
    "name", ["resnet18", "resnetblur18", "tf_efficientnet_lite0", "regnetx_002", "mobilenetv3_small_050"]
)
def test_the_map_has_twice_the_height_and_width(name):
    _, before, after = kept_at(name)
    assert before[2:] == (2, 2)
    assert after == (*before[:2], 4, 4)


def test_a_resnet_changes_where_the_published_network_does():
    backbone, _, after = kept_at("resnet50")
    changed = backbone.layer4[0]
    assert after == (1, 2048, 4, 4)
    assert changed.conv2.stride == (1, 1)
    assert changed.conv2.dilation == (1, 1)
    assert changed.downsample[0].stride == (1, 1)
    assert backbone.layer3[0].conv2.stride == (2, 2)


def test_the_average_pool_of_a_resnet_d_shortcut_is_taken_out():
    backbone, _, after = kept_at("resnet50d")
    assert after == (1, 2048, 4, 4)
    assert isinstance(backbone.layer4[0].downsample[0], nn.Identity)


def test_the_average_pool_between_dense_blocks_is_taken_out():
    backbone, before, after = kept_at("densenet121")
    assert (before[2:], after[2:]) == ((2, 2), (4, 4))
    assert isinstance(backbone.features.transition3.pool, nn.Identity)


def test_a_network_keeps_its_resolution_when_it_is_built_again():
    network = create_network("test_resnet", num_classes=2, last_stride=1)
    again = create_network(**network.architecture)
    assert network.forward_features(torch.zeros(1, 3, 96, 96)).shape[2:] == (6, 6)
    assert again.forward_features(torch.zeros(1, 3, 96, 96)).shape[2:] == (6, 6)


def test_every_second_position_is_that_of_the_plain_network():
    plain = nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.ReLU(), nn.Conv2d(4, 5, 3, 2, 1)).eval()
    kept = nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.ReLU(), nn.Conv2d(4, 5, 3, 2, 1)).eval()
    kept.load_state_dict(plain.state_dict())
    x = torch.randn(1, 3, 32, 32)
    keep_last_resolution(kept, lambda: kept(x))
    assert torch.allclose(kept(x)[..., ::2, ::2], plain(x), atol=1e-6)


@pytest.mark.slow
def test_vgg_loses_its_last_max_pool():
    network = create_network("vgg11_bn", "avg", num_classes=2, last_stride=1)
    assert network.forward_features(torch.zeros(1, 3, 64, 64)).shape == (1, 512, 4, 4)


def test_a_backbone_without_a_last_halving_is_refused():
    with pytest.raises(ValueError, match="VisionTransformer has no such step"):
        create_network("test_vit", last_stride=1)


def test_a_step_that_cannot_be_undone_is_refused_with_its_name():
    with pytest.raises(ValueError, match=r"last_stride=1 does not fit ConvNeXt: with stages.3.downsample.1"):
        create_network("test_convnext", last_stride=1)
