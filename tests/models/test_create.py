import json
from collections import namedtuple

import pytest
import torch

from covpool.models import NoLayout, create_network, list_networks
from covpool.recipes import Choice
from covpool.registry import UnknownName


def triangle(c):
    return c * (c + 1) // 2


def test_a_second_order_pool_of_many_channels_is_reduced_to_256_by_default():
    assert create_network("test_nfnet", num_classes=2).architecture["reduce_to"] is None  # 192 channels
    wide = create_network("regnetx_002", num_classes=2)  # 368
    assert (wide.num_features, wide.head_hidden_size) == (368, triangle(256))
    assert create_network("regnetx_002", "avg", num_classes=2).head_hidden_size == 368
    assert create_network("regnetx_002", num_classes=2, reduce_to=None).head_hidden_size == triangle(368)


def test_a_pool_may_be_a_choice_with_options():
    network = create_network("conv4", Choice("isqrt", steps=3, reduce_to=8), num_classes=2)
    assert network.architecture["pool_options"] == {"steps": 3}
    assert network.head_hidden_size == triangle(8)
    other = namedtuple("Other", "name options")("gem", {"p": 2.0})
    assert create_network("conv4", other, pool_options={"learn_p": False}).architecture["pool_options"] == {
        "p": 2.0,
        "learn_p": False,
    }


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("conv4", {"backbone_options": {"in_chans": 1}}),
        ("test_resnet", {"last_stride": 1, "drop_rate": 0.1}),
        ("test_vit", {"pool_options": {"steps": 2}, "backbone_options": {"img_size": (96, 64)}}),
        ("test_convnext", {"pool": "bilinear"}),
    ],
)
def test_a_network_is_built_again_from_its_stored_architecture(name, options):
    network = create_network(name, num_classes=3, **options).eval()
    stored = json.loads(json.dumps(network.architecture))
    again = create_network(**stored).eval()
    assert again.architecture == stored
    again.load_state_dict(network.state_dict())
    size = network.backbone.pretrained_cfg["input_size"]
    x = torch.randn(2, *({"conv4": (1, 28, 28), "test_vit": (3, 96, 64)}.get(name, size)))
    assert torch.equal(network(x), again(x))


def test_building_again_runs_nothing_when_layout_and_pruned_parts_are_known():
    architecture = create_network("test_efficientnet", num_classes=3).architecture
    with torch.device("meta"):
        network = create_network(**architecture)
    assert {p.device.type for p in network.parameters()} == {"meta"}


def test_building_a_network_leaves_batch_norm_and_training_mode_untouched():
    network = create_network("test_resnet", num_classes=2)
    assert all(module.training for module in network.modules())
    assert network.backbone.bn1.num_batches_tracked == 0


def test_the_weights_depend_on_the_seed_alone():
    torch.manual_seed(3)
    first = create_network("test_vit", num_classes=2)
    torch.manual_seed(3)
    again = create_network(**first.architecture)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), again.parameters(), strict=True))


def test_a_named_network_brings_its_pool_width_and_stride():
    network = create_network("resnet18_isqrt", num_classes=2)
    assert network.architecture["backbone"] == "resnet18"
    assert network.architecture["last_stride"] == 1
    assert network.head_hidden_size == triangle(256)
    narrow = create_network("resnet18_isqrt", num_classes=2, reduce_to=32)
    assert narrow.head_hidden_size == triangle(32)


def test_an_alias_of_a_pool_is_stored_under_its_own_name():
    assert create_network("conv4", "mpncov", num_classes=2).architecture["pool"] == "isqrt"
    assert create_network("resnet18_isqrt", "mpncov", num_classes=2).architecture["pool"] == "isqrt"


def test_another_pool_than_a_named_networks_is_refused():
    with pytest.raises(ValueError, match=r"whole network with the pool 'isqrt'; for 'gem' name its backbone: create_n"):
        create_network("resnet18_isqrt", "gem")


def test_all_mistakes_are_reported_together():
    with pytest.raises(ValueError) as error:
        create_network("resnet5O", "mpn-cov", -1, last_stride=2, reduce_to=0)
    said = str(error.value)
    assert "unknown pool 'mpn-cov'; did you mean 'mpncov'?" in said
    assert "unknown backbone 'resnet5O'; did you mean 'resnet50'?" in said
    assert "num_classes must be 0" in said
    assert "last_stride is 1 or None" in said
    assert "reduce_to is a number of channels" in said


def test_a_single_unknown_name_keeps_its_own_error():
    with pytest.raises(UnknownName) as error:
        create_network("restnet18")
    assert error.value.nearest == "resnet18"


def test_unknown_options_are_named():
    with pytest.raises(ValueError, match="pool 'isqrt' has no option 'step'; did you mean 'steps'"):
        create_network("conv4", pool_options={"step": 3})
    with pytest.raises(ValueError, match="backbone 'conv4' has no option 'in_chan'; did you mean 'in_chans'"):
        create_network("conv4", backbone_options={"in_chan": 3})
    with pytest.raises(ValueError, match="timm cannot build the backbone 'test_resnet' with colour=1"):
        create_network("test_resnet", backbone_options={"colour": 1})


def test_options_that_cannot_be_stored_are_refused():
    with pytest.raises(ValueError, match="must be numbers, strings and lists"):
        create_network("test_resnet", backbone_options={"act_layer": torch.nn.ReLU})


def test_a_given_layout_overrides_the_probe():
    network = create_network("test_convnext", num_classes=2, layout="NCHW")
    assert str(network.layout) == "NCHW"
    assert network.architecture["pruned"] == ["head"]


def test_a_fixed_size_backbone_with_a_single_position_is_refused_when_built():
    options = {"img_size": 16}
    with pytest.raises(NoLayout, match=r"deit_tiny_patch16_224 at its fixed image size gives a map of 1x1.*img_size"):
        create_network("deit_tiny_patch16_224", backbone_options=options)
    network = create_network("deit_tiny_patch16_224", "avg", num_classes=2, backbone_options=options)
    assert network.head_hidden_size == 192


def test_networks_are_listed_by_pattern_ours_first():
    assert list_networks("resnet50_*")[0] == "resnet50_isqrt"
    assert list_networks("conv4") == ["conv4"]
    everything = list_networks()
    assert len(everything) == len(set(everything))
    assert {"resnet50", "conv4", "resnet50_isqrt"} <= set(everything)
