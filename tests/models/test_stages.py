import pytest
import timm
import torch

from covpool.models import StageFeatures
from covpool.models.backbone import create_backbone, find_offline

offline_weights = pytest.mark.skipif(
    find_offline("tf_efficientnet_lite0") is None, reason="needs covpool[offline-weights]"
)


def shapes(extract, size):
    return {stage: tuple(each.shape) for stage, each in extract(torch.zeros(2, 3, size, size)).items()}


def test_the_middle_stage_is_the_last_of_the_resolution_before():
    extract = StageFeatures("tf_efficientnet_lite0")
    assert extract.channels == {"middle": 112, "last": 320}
    assert shapes(extract, 64) == {"middle": (2, 112, 4, 4), "last": (2, 320, 2, 2)}


def test_the_middle_of_a_plain_transformer_is_at_half_its_depth():
    extract = StageFeatures("test_vit", image_size=96)
    depth = len(timm.create_model("test_vit").blocks)
    whole = timm.create_model("test_vit", img_size=96).eval()
    whole.load_state_dict({**whole.state_dict(), **extract.extract.body.model.state_dict()}, strict=False)
    x = torch.randn(1, 3, 96, 96)
    expected = whole.forward_intermediates(x, indices=[depth // 2 - 1, depth - 1], intermediates_only=True)
    maps = extract(x)
    assert torch.equal(maps["middle"], expected[0])
    assert torch.equal(maps["last"], expected[1])
    assert extract.pretrained_cfg["input_size"] == (3, 96, 96)


def test_channels_last_maps_are_turned():
    extract = StageFeatures("swin_tiny_patch4_window7_224", stages=["last"], backbone_options={"depths": (1, 1, 1, 1)})
    assert shapes(extract, 224) == {"last": (2, 768, 7, 7)}


def test_stages_may_be_numbers_in_any_order():
    extract = StageFeatures("test_resnet", stages=["-1", 0, "2"])
    assert list(extract.channels) == ["-1", "0", "2"]
    maps = extract(torch.zeros(1, 3, 64, 64))
    assert {stage: each.shape[1] for stage, each in maps.items()} == extract.channels
    assert maps["-1"].shape[2] < maps["2"].shape[2] < maps["0"].shape[2]


def test_our_own_backbones_have_stages_too():
    assert shapes(StageFeatures("conv4"), 28) == {"middle": (2, 24, 14, 14), "last": (2, 96, 7, 7)}


def test_the_features_are_frozen_whatever_mode_is_set():
    extract = StageFeatures("conv4").train()
    assert not any(module.training for module in extract.modules())
    assert not any(p.requires_grad for p in extract.parameters())
    assert not extract(torch.zeros(1, 3, 28, 28))["last"].requires_grad


@offline_weights
def test_offline_weights_give_the_maps_of_the_whole_pretrained_network():
    whole = create_backbone("tf_efficientnet_lite0", {}, pretrained=True).eval()
    extract = StageFeatures("tf_efficientnet_lite0", pretrained=True)
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        expected = whole.forward_intermediates(x, indices=[3, 4], intermediates_only=True)
    maps = extract(x)
    assert torch.equal(maps["middle"], expected[0])
    assert torch.equal(maps["last"], expected[1])


@pytest.mark.parametrize("stage", ["mid", 9, "-9"])
def test_an_unknown_stage_is_answered_with_the_choices(stage):
    with pytest.raises(
        ValueError, match=r"unknown stage .* of test_resnet; choose 'middle', 'last', or a number from 0"
    ):
        StageFeatures("test_resnet", stages=[stage])
