import logging

import huggingface_hub
import pytest
import timm
import torch

from covpool.models.backbone import WeightsUnavailable, create_backbone, find_offline, own_backbones
from covpool.registry import UnknownName

offline_weights = pytest.mark.skipif(
    find_offline("tf_efficientnet_lite0") is None, reason="needs covpool[offline-weights]"
)


@pytest.fixture
def offline(monkeypatch):
    """No look-ups on the network, and no patience for them."""
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)


def test_a_backbone_has_no_classifier():
    assert create_backbone("test_resnet", {})(torch.zeros(1, 3, 64, 64)).shape == (1, 96)
    assert not hasattr(own_backbones.get("conv4")(), "classifier")


def test_an_unknown_backbone_is_answered_with_the_nearest_few():
    with pytest.raises(UnknownName, match="unknown backbone 'resnet-50'; did you mean 'resnet50'") as error:
        create_backbone("resnet-50", {})
    assert len(str(error.value)) < 200


@offline_weights
def test_offline_weights_are_loaded_and_named_in_the_log(caplog):
    with caplog.at_level(logging.INFO, "covpool"):
        backbone = create_backbone("tf_efficientnet_lite0", {}, pretrained=True)
    assert "efficientnet-lite0-57934424.pth (ImageNet-1k" in caplog.text
    assert "294 loaded, 2 dropped by rule" in caplog.text
    assert backbone.pretrained_cfg["mean"] == backbone.pretrained_cfg["std"] == (0.5, 0.5, 0.5)
    assert (
        backbone.conv_stem.weight.abs().sum() != timm.create_model("tf_efficientnet_lite0").conv_stem.weight.abs().sum()
    )


def test_the_plain_network_does_not_take_the_offline_weights(offline):
    assert find_offline("efficientnet_lite0") is None
    with pytest.raises(WeightsUnavailable, match=r"use 'tf_efficientnet_lite0', another network.*\[offline-weights\]"):
        create_backbone("efficientnet_lite0", {}, pretrained=True)


def test_weights_that_cannot_be_downloaded_are_one_sentence(offline):
    with pytest.raises(WeightsUnavailable, match=r"no pretrained weights for 'test_resnet' \(.* allow .* or pass"):
        create_backbone("test_resnet", {}, pretrained=True)


def test_a_backbone_of_ours_has_no_pretrained_weights():
    with pytest.raises(WeightsUnavailable, match="no pretrained weights exist for 'conv4'"):
        create_backbone("conv4", {}, pretrained=True)


@pytest.mark.parametrize(
    "options",
    [
        {"checkpoint_path": "evil.pth"},
        {"cache_dir": "/elsewhere"},
        {"pretrained_cfg": {"url": "http://evil.example/w.pth"}},
        {"pretrained_cfg_overlay": {"url": "http://evil.example/w.pth", "hf_hub_id": None}},
    ],
)
def test_options_do_not_say_where_weights_come_from(options):
    with pytest.raises(ValueError, match="not where weights come from; got"):
        create_backbone("resnet18", options, pretrained=True)


def test_the_description_of_a_network_elsewhere_is_no_word_to_fetch_it(offline):
    with pytest.raises(WeightsUnavailable, match="allow the download"):
        create_backbone("hf-hub:nobody/there-is-no-such-network", {})
