import pytest
import timm
import torch
from torch import nn

from covpool import create_network
from covpool.models.architectures.assembled.blur import Blur
from covpool.models.techniques import NothingToChange, apply_techniques


def on_meta(name, *choices):
    with torch.device("meta"):
        return apply_techniques(timm.create_model(name, num_classes=0), choices)


def blurs(backbone):
    return [name for name, module in backbone.named_modules() if isinstance(module, Blur)]


def test_sconv_and_max_give_timms_resnetblur18():
    ours = timm.create_model("resnet18", num_classes=0)
    apply_techniques(ours, [{"name": "anti-alias", "places": ["sconv", "max"]}])
    theirs = timm.create_model("resnetblur18", num_classes=0)
    theirs.load_state_dict(ours.state_dict(), strict=True)
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        found, expected = ours.eval().forward_features(x), theirs.eval().forward_features(x)
    torch.testing.assert_close(found, expected)


@pytest.mark.parametrize(
    ("places", "names"),
    [
        ("sconv", [f"layer{i}.0.act1.1" for i in (2, 3, 4)]),
        ("max", ["maxpool.1"]),
        ("proj", [f"layer{i}.0.downsample.0.0" for i in (2, 3, 4)]),
    ],
)
def test_a_place_is_where_the_filter_stands(places, names):
    found = blurs(on_meta("resnet18", {"name": "anti-alias", "places": places}))
    assert [name.replace("aa.1", "act1.1") for name in found] == names


def test_without_places_all_that_are_there_are_taken():
    assert len(blurs(on_meta("resnet18", "anti-alias"))) == 7
    assert len(blurs(on_meta("vgg11_bn", "anti-alias"))) == 5


def test_strides_are_gone_but_for_the_stem():
    backbone = on_meta("resnet18", "blur-pool")
    assert [n for n, m in backbone.named_modules() if isinstance(m, nn.Conv2d) and m.stride == (2, 2)] == ["conv1"]


@pytest.mark.parametrize(
    ("name", "choice", "says"),
    [
        ("resnet18", {"name": "anti-alias", "places": "sconf"}, "unknown place 'sconf'; did you mean 'sconv'"),
        ("resnet18", {"name": "anti-alias", "kernel": 9}, "filter of 2 to 7 pixels was needed; got 9"),
        ("vgg11_bn", {"name": "anti-alias", "places": "sconv+max"}, "VGG has none. It has places=max"),
        ("test_vit", "anti-alias", "VisionTransformer has none"),
        ("test_convnext", "anti-alias", "ConvNeXt has none"),
    ],
)
def test_what_is_not_there_is_said(name, choice, says):
    with pytest.raises(ValueError, match=says):
        on_meta(name, choice)


def test_a_backbone_that_is_refused_is_as_it_was():
    with torch.device("meta"):
        backbone = timm.create_model("vgg11_bn", num_classes=0)
    before = str(backbone)
    with pytest.raises(NothingToChange):
        apply_techniques(backbone, [{"name": "anti-alias", "places": "proj"}])
    assert str(backbone) == before


def test_the_gate_of_a_selective_kernel_sees_the_full_resolution():
    backbone = on_meta("resnet18", "sk", {"name": "anti-alias", "places": "sconv"})
    assert blurs(backbone) == [f"layer{i}.0.conv1.1" for i in (2, 3, 4)]


def test_a_filter_keeps_the_last_resolution_where_a_network_does():
    options = {"techniques": ["anti-alias"], "last_stride": 1}
    with torch.device("meta"):
        network = create_network("resnet18", "avg", 3, **options)
        again = create_network(**network.architecture)
        x = torch.zeros(1, 3, 64, 64)
        assert network.forward_features(x).shape == again.forward_features(x).shape == (1, 512, 4, 4)
