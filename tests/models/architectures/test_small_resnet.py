import pytest
import torch
from torch import nn

from covpool import create_network
from covpool.models.architectures.small_resnet import ResidualBlock, small_resnet18, small_wrn36


@pytest.mark.parametrize(
    ("build", "parameters", "width"), [(small_resnet18, 700_192, 128), (small_wrn36, 5_927_840, 256)]
)
def test_a_backbone_has_the_parameters_of_the_released_script_and_an_eighth_of_the_resolution(build, parameters, width):
    with torch.device("meta"):
        backbone = build()
        maps = backbone.forward_intermediates(torch.zeros(1, 3, 64, 64), [0, 1, 2, 3])
    assert sum(parameter.numel() for parameter in backbone.parameters()) == parameters
    assert [tuple(each.shape[1:]) for each in maps] == [(width >> 3 - i, 64 >> i, 64 >> i) for i in range(4)]
    assert backbone.num_features == width
    assert [info["num_chs"] for info in backbone.feature_info] == [each.shape[1] for each in maps]


def test_only_a_block_that_changes_its_input_has_a_convolution_in_its_shortcut():
    assert isinstance(ResidualBlock(4, 4).downsample, nn.Identity)
    assert not isinstance(ResidualBlock(4, 4, stride=2).downsample, nn.Identity)
    assert not isinstance(ResidualBlock(4, 8).downsample, nn.Identity)
    assert isinstance(small_resnet18().layer1[0].downsample, nn.Identity)
    assert not isinstance(small_wrn36().layer1[0].downsample, nn.Identity)


def test_a_block_ends_in_a_rectified_sum():
    torch.manual_seed(0)
    block = ResidualBlock(3, 5, stride=2).eval()
    x = torch.randn(2, 3, 8, 8)
    main = block.bn2(block.conv2(block.bn1(block.conv1(x)).relu()))
    torch.testing.assert_close(block(x), (main + block.downsample(x)).relu())


def test_the_last_stage_keeps_its_resolution_where_a_network_asks_for_it():
    network = create_network("small_resnet18", "sr-sop", num_classes=3, last_stride=1).eval()
    with torch.no_grad():
        assert network.forward_features(torch.zeros(1, 3, 64, 64)).shape == (1, 128, 16, 16)


def test_checkpointing_changes_no_gradient():
    torch.manual_seed(0)
    backbone, x = small_resnet18(), torch.randn(2, 3, 16, 16)
    gradients = []
    for enable in (False, True):
        backbone.zero_grad()
        backbone.set_grad_checkpointing(enable)
        backbone(x).square().sum().backward()
        gradients.append([parameter.grad.clone() for parameter in backbone.parameters()])
    assert all(torch.equal(*pair) for pair in zip(*gradients, strict=True))


def test_images_are_0_to_255_without_their_mean_and_divided_by_nothing():
    config = small_resnet18().pretrained_cfg
    assert config["std"] == (1 / 255,) * 3
    assert config["input_size"] == (3, 64, 64)
    assert small_wrn36(in_chans=1).conv1.in_channels == 1
