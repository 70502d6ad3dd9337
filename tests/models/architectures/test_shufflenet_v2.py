import pytest
import torch
import torchvision

from covpool.models.architectures.shufflenet_v2 import (
    shufflenet_v2_x0_5,
    shufflenet_v2_x1_0,
    shufflenet_v2_x1_5,
    shufflenet_v2_x2_0,
)


def test_its_map_is_torchvisions_before_the_mean():
    torch.manual_seed(0)
    ours = shufflenet_v2_x0_5().eval()
    theirs = torchvision.models.shufflenet_v2_x0_5(num_classes=5).eval()
    theirs.load_state_dict({**ours.state_dict(), "fc.weight": theirs.fc.weight, "fc.bias": theirs.fc.bias})
    x = torch.randn(2, 3, 64, 64)
    map = ours(x)
    assert map.shape == (2, 1024, 2, 2)
    torch.testing.assert_close(theirs.fc(map.mean((2, 3))), theirs(x))


@pytest.mark.parametrize(
    ("build", "channels"),
    [(shufflenet_v2_x0_5, 1024), (shufflenet_v2_x1_0, 1024), (shufflenet_v2_x1_5, 1024), (shufflenet_v2_x2_0, 2048)],
)
def test_widths_and_stages_are_as_stated(build, channels):
    with torch.device("meta"):
        backbone = build()
        x = torch.zeros(1, 3, 64, 64)
        maps = backbone.forward_intermediates(x, [0, 1, 2, -1])
    assert backbone.num_features == channels
    stated = [(info["num_chs"], 64 // info["reduction"]) for info in backbone.feature_info]
    assert [(each.shape[1], each.shape[2]) for each in maps] == stated


def test_it_is_described_as_timm_describes_its_models():
    with torch.device("meta"):
        backbone = shufflenet_v2_x1_0()
    assert backbone.get_submodule(backbone.pretrained_cfg["first_conv"]).in_channels == 3
    assert backbone.group_matcher(coarse=True)["blocks"] == r"^stage(\d)"
    with pytest.raises(ValueError, match="checkpointing"):
        backbone.set_grad_checkpointing()
