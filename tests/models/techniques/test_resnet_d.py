import pytest
import timm
import torch

from covpool.models.techniques import NothingToChange, apply_techniques


def test_a_resnet26_becomes_timms_resnet26d():
    ours = apply_techniques(timm.create_model("resnet26", num_classes=0), ["resnet-d"])
    theirs = timm.create_model("resnet26d", num_classes=0)
    theirs.load_state_dict(ours.state_dict(), strict=True)
    x = torch.randn(1, 3, 65, 65)
    with torch.no_grad():
        found, expected = ours.eval().forward_features(x), theirs.eval().forward_features(x)
    torch.testing.assert_close(found, expected, rtol=0, atol=0)


@pytest.mark.parametrize(("parts", "same"), [("stem", "resnet50c"), ("shortcuts", None)])
def test_a_part_alone_can_be_chosen(parts, same):
    with torch.device("meta"):
        ours = apply_techniques(timm.create_model("resnet50", num_classes=0), [{"name": "resnet-d", "parts": parts}])
        names = list(ours.state_dict())
        if same is not None:
            assert names == list(timm.create_model(same, num_classes=0).state_dict())
    assert ("conv1.weight" in names) == (parts == "shortcuts")


@pytest.mark.parametrize(
    ("name", "choice", "says"),
    [
        ("vgg11_bn", "resnet-d", "resnet-d needs a 7x7 convolution .* or shortcuts .*; VGG has none"),
        ("regnetx_002", {"name": "resnet-d", "parts": "stem"}, "RegNet has none. It has parts=shortcuts"),
    ],
)
def test_what_is_not_there_is_said(name, choice, says):
    with torch.device("meta"), pytest.raises(NothingToChange, match=says):
        apply_techniques(timm.create_model(name, num_classes=0), [choice])


def test_parallel_convolutions_are_no_shortcut():
    with torch.device("meta"), pytest.raises(NothingToChange, match="resnet-d needs"):
        apply_techniques(timm.create_model("repvgg_a0", num_classes=0), ["resnet-d"])
