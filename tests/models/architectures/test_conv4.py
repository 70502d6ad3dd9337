import torch

from covpool.models.architectures.conv4 import conv4


def test_small_pictures_keep_a_quarter_of_their_resolution():
    backbone = conv4()
    assert backbone.forward_features(torch.zeros(2, 3, 28, 28)).shape == (2, 96, 7, 7)
    assert backbone(torch.zeros(2, 3, 8, 8)).shape == (2, 96, 2, 2)


def test_its_four_blocks_have_the_stated_widths():
    maps = conv4(in_chans=1).forward_intermediates(torch.zeros(1, 1, 16, 16), [0, 1, 2, 3])
    assert [tuple(each.shape[1:]) for each in maps] == [(24, 8, 8), (48, 4, 4), (64, 4, 4), (96, 4, 4)]


def test_it_is_described_as_timm_describes_its_models():
    backbone = conv4()
    assert backbone.pretrained_cfg["input_size"] == (3, 28, 28)
    assert backbone.pretrained_cfg["mean"] == backbone.pretrained_cfg["std"] == (0.5, 0.5, 0.5)
    assert backbone.get_submodule(backbone.pretrained_cfg["first_conv"]).in_channels == 3
    assert [info["num_chs"] for info in backbone.feature_info] == [24, 48, 64, 96]
