import pytest
import timm
import torch

from covpool import Choice, create_network
from covpool.models import restore_network, save_network
from covpool.models.adaptation.probe import probe_images
from covpool.models.techniques import NothingToChange, apply_techniques, technique_mistakes, techniques

TINY = ["test_resnet", "test_vit"]
FITS = {  # the others say that there is nothing to change
    "test_resnet": {"sk", "se", "eca", "anti-alias", "drop-block", "drop-path", "zero-gamma"},
    "test_efficientnet": {"sk", "anti-alias", "drop-block"},
    "test_convnext": {"se", "eca", "big-little", "drop-block", "drop-path"},
    "test_vit": {"drop-path"},
    "test_byobnet": {"sk", "anti-alias", "drop-block", "drop-path", "zero-gamma"},
    "test_nfnet": {"anti-alias", "drop-block", "drop-path"},
}
FAMILIES = [
    *(
        "resnet26",
        "resnext50_32x4d",
        "seresnet50",
        "resnetv2_18",
        "regnetx_002",
        "hrnet_w18_small",
        "dla46x_c",
        "dpn68",
    ),
    *("vgg11", "vgg11_bn", "densenet121", "inception_v3", "mobilenetv2_050", "mobilenetv3_small_050", "ghostnet_100"),
    *("efficientnet_lite0", "mixnet_s", "rexnet_100", "selecsls60", "cs3darknet_focus_s", "ese_vovnet19b_dw"),
    *("repvgg_a0", "res2next50", "resnest14d", "skresnet18", "legacy_seresnet18", "tresnet_m", "legacy_xception"),
    *("convnext_atto", "convmixer_768_32", "poolformerv2_s12", "fastvit_t8", "efficientvit_b0", "mobilevit_xxs"),
    *("swin_tiny_patch4_window7_224", "cait_xxs24_224", "levit_128s", "pvt_v2_b0", "coat_lite_tiny", "test_mambaout"),
]


def trains(backbone, x):
    """Whether each parameter that the features depend on has a finite gradient after one step."""
    features = backbone.train().forward_features(x)
    features = features[-1] if isinstance(features, list | tuple) else features
    features.square().mean().backward()
    gradients = [p.grad for p in backbone.parameters() if p.requires_grad and p.grad is not None]
    return bool(gradients) and all(bool(g.isfinite().all()) for g in gradients)


def _refusal(backbone, technique):
    try:
        apply_techniques(backbone, [technique])
    except NothingToChange as error:
        return str(error)
    return None


def applies_and_trains(technique, family):
    """None where the technique says that it finds nothing to change."""
    torch.manual_seed(0)
    backbone = timm.create_model(family, num_classes=0)
    known = {id(p) for p in backbone.parameters()}
    refused = _refusal(backbone, technique)
    if refused is not None:
        assert refused.startswith(f"{technique} needs ")
        return None
    images = probe_images(backbone.eval(), {})
    assert trains(backbone, torch.cat([images, images.flip(3)]))
    assert all(p.grad is not None for p in backbone.parameters() if id(p) not in known)
    return True


@pytest.mark.parametrize(
    "family", [pytest.param(family, marks=() if family in TINY else pytest.mark.slow) for family in FITS]
)
def test_a_technique_changes_a_network_that_then_trains_or_says_why_not(family):
    assert {name for name in techniques if applies_and_trains(name, family)} == FITS[family]


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("technique", techniques.names())
def test_families_train_with_each_technique_or_it_says_why_not(technique, family):
    applies_and_trains(technique, family)


def test_techniques_come_one_after_the_other_and_a_file_remembers_them(tmp_path):
    chosen = ["resnet-d", {"name": "se", "ratio": 8}, Choice("anti-alias", places=("sconv", "max")), "drop-block"]
    network = create_network("resnet18", "avg", 3, techniques=chosen, last_stride=1).eval()
    assert [each["name"] for each in network.architecture["techniques"]] == [
        "resnet-d",
        "se",
        "anti-alias",
        "drop-block",
    ]
    again, _ = restore_network(save_network(network, tmp_path / "network.safetensors"))
    x = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(again(x), network(x))
    assert again.architecture == network.architecture


def test_mistakes_are_reported_together():
    said = technique_mistakes(["see", {"name": "se", "rato": 8}, Choice("zero-gamma")], pretrained=True)
    assert len(said) == 3
    assert said[0].startswith("unknown technique 'see'; did you mean 'se'?")
    assert "did you mean 'ratio'?" in said[1]
    with pytest.raises(ValueError, match=r"unknown pool 'avgg'.*unknown technique 'see'"):
        create_network("resnet18", "avgg", techniques=["see"])


def test_a_technique_that_leaves_a_network_which_does_not_run_says_so():
    class Stubborn(torch.nn.Module):
        pretrained_cfg = {"input_size": (3, 16, 16)}

        def __init__(self):
            super().__init__()
            self.stem, self.pool = torch.nn.Conv2d(3, 4, 3, padding=1), torch.nn.MaxPool2d(2)

        def forward_features(self, x):
            x = self.pool(self.stem(x))
            return x * self.pool.kernel_size  # an attribute of the very pool

    with pytest.raises(ValueError, match="anti-alias does not fit Stubborn: 'Sequential' object has no attribute"):
        apply_techniques(Stubborn(), ["anti-alias"])


def test_the_mode_of_a_backbone_stays_as_it_was():
    backbone = timm.create_model("test_resnet", num_classes=0)
    assert apply_techniques(backbone.eval(), ["se"]).training is False
    assert all(not module.training for module in backbone.modules())
    with pytest.raises(NothingToChange):
        apply_techniques(backbone.train(), ["resnet-d"])
    assert backbone.training


def test_every_technique_has_a_line_a_source_and_options_with_defaults():
    for name in techniques:
        row = techniques.get(name)
        assert row.name == name
        assert row.summary
        assert row.source
