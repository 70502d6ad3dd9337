import pytest
import torch

from covpool import create_network
from covpool.models import StageFeatures
from covpool.models.architectures.assembled import DropBlock, assembled_resnet

ALL = {"resnet_d": True, "sk": True, "se": True, "anti_alias": ["sconv", "proj"], "big_little": (2, 4)}
# Trainable numbers of the official graphs (specification of the port), without the classifier of 1001 classes.
OFFICIAL = [
    ({}, 25_559_081),
    ({"resnet_d": True}, 25_578_313),
    ({"resnet_d": True, "se": True}, 28_093_257),
    ({"resnet_d": True, "sk": True}, 38_793_097),
    ({"big_little": (2, 4)}, 28_405_673),
    ({"big_little": (2, 4), "sk": True, "anti_alias": ("sconv",)}, 41_848_489),
    ({"depth": 101, "big_little": (2, 4), "sk": True}, 66_349_929),
    ({"depth": 152, "big_little": (1, 2), "sk": True, "anti_alias": ("sconv",)}, 117_006_249),
]


def on_meta(**options):
    with torch.device("meta"):
        return assembled_resnet(**options).eval()


def sides(side, **options):
    return on_meta(**options)(torch.empty(1, 3, side, side, device="meta")).shape[1:]


@pytest.mark.parametrize(("options", "parameters"), OFFICIAL)
def test_parameters_are_those_of_the_official_graph(options, parameters):
    assert sum(p.numel() for p in on_meta(**options).parameters()) + 2049 * 1001 == parameters


@pytest.mark.parametrize("big_little", [None, (2, 4)])
def test_the_last_map_is_a_thirty_second_of_the_image_or_twice_that(big_little):
    assert sides(96, big_little=big_little) == (2048, 3, 3)
    assert sides(96, big_little=big_little, no_downsample=True) == (2048, 6, 6)


def test_a_plain_resnet_takes_any_size_and_big_little_multiples_of_32():
    assert sides(100) == (2048, 4, 4)
    with pytest.raises(ValueError, match="multiples of 32"):
        sides(100, big_little=(2, 4))


@pytest.mark.parametrize("options", [{}, {"resnet_d": True}, {"anti_alias": ["sconv"], "big_little": (2, 4)}])
def test_keeping_the_last_resolution_from_outside_is_no_downsample(options):
    ours, changed = on_meta(**options, no_downsample=True), on_meta(**options)
    changed.keep_last_resolution()
    assert changed.feature_info == ours.feature_info
    x = torch.empty(1, 3, 64, 64, device="meta")
    assert changed(x).shape == ours(x).shape == (1, 2048, 4, 4)
    shortcuts = [backbone.stage4.get_submodule("0.shortcut.pool") for backbone in (ours, changed)]
    assert type(shortcuts[0]) is type(shortcuts[1])


@pytest.mark.slow
@pytest.mark.parametrize("options", [{}, {"resnet_d": True}, {"anti_alias": ["sconv", "proj"]}, ALL])
def test_a_network_with_last_stride_one_computes_what_no_downsample_does(options):
    torch.manual_seed(0)
    ours = create_network("assembled_resnet", "avg", 3, backbone_options={**options, "no_downsample": True}).eval()
    changed = create_network("assembled_resnet", "avg", 3, last_stride=1, backbone_options=options).eval()
    changed.load_state_dict(ours.state_dict())
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(changed(x), ours(x))


def test_a_second_order_pool_sits_on_it_and_every_part_trains():
    torch.manual_seed(0)
    network = create_network("assembled_resnet", "isqrt", 5, backbone_options=ALL, reduce_to=16)
    network(torch.randn(2, 3, 64, 64)).square().sum().backward()
    assert all(p.grad is not None for p in network.parameters())


def test_drop_block_is_in_the_last_two_stages_and_set_as_one():
    backbone = on_meta(big_little=(2, 4), sk=True)
    drops = {name: module for name, module in backbone.named_modules() if isinstance(module, DropBlock)}
    assert {name.split(".")[0] for name in drops} == {"stage3", "stage4"}
    assert {name.split(".")[1] for name in drops if name.startswith("stage3")} == {"big", "little", "merge"}
    assert {module.scale for name, module in drops.items() if name.startswith("stage3")} == {0.25}
    assert {module.scale for name, module in drops.items() if name.startswith("stage4")} == {1.0}
    backbone.set_keep_prob(0.9)
    assert {module.keep_prob for module in drops.values()} == {0.9}
    with pytest.raises(ValueError, match="above 0"):
        backbone.set_keep_prob(0)


def test_stages_are_offered_as_timm_offers_them():
    backbone = on_meta(big_little=(2, 4))
    maps = backbone.forward_intermediates(torch.empty(1, 3, 64, 64, device="meta"), [0, 1, 2, 3, -1])
    assert [(x.shape[1], 64 // x.shape[2]) for x in maps] == [
        (info["num_chs"], info["reduction"]) for info in backbone.feature_info
    ]
    with torch.device("meta"):
        stages = StageFeatures("assembled_resnet")
    assert stages.channels == {"middle": 1024, "last": 2048}


def test_recomputing_stages_gives_the_same_gradients():
    torch.manual_seed(0)
    backbone, x = assembled_resnet(), torch.randn(2, 3, 32, 32)
    gradients = []
    for enable in (False, True):
        backbone.set_grad_checkpointing(enable)
        backbone.zero_grad()
        backbone(x).sum().backward()
        gradients.append(backbone.stem.conv1.weight.grad.clone())
    torch.testing.assert_close(*gradients)


def test_images_are_described_as_the_mean_taken_away_and_nothing_divided():
    cfg = on_meta().pretrained_cfg
    image = torch.tensor([123.68, 116.78, 104.94]) / 255
    normalized = (image - torch.tensor(cfg["mean"])) / torch.tensor(cfg["std"])
    torch.testing.assert_close(normalized, torch.tensor([0.0, 0.0, 1.0]), rtol=0, atol=1e-4)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"depth": 18}, "one of 50, 101, 152, 200; got 18"),
        ({"depth": 200, "big_little": (2, 4)}, "Big-Little ResNet is one of 50, 101, 152; got 200"),
        ({"big_little": (2,)}, r"\(alpha, beta\)"),
        ({"anti_alias": ["max"]}, r"among sconv, proj; got \['max'\]"),
        ({"anti_alias": "sconv"}, "a list of places"),
        ({"anti_alias": ["sconv"], "blur_size": 8}, "2 to 7 pixels"),
        ({"keep_prob": 0.0}, "above 0 and at most 1"),
    ],
)
def test_options_that_the_release_does_not_have_are_refused(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        on_meta(**options)
