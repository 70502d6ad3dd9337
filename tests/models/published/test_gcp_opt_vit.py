import pytest
import torch

from covpool.evaluation.flops import forward_flops
from covpool.models import create_network
from covpool.models.published.gcp_opt_vit import NETWORKS

# Width and blocks; the parameters of the official network, and those of them that are trained.
OFFICIAL = {
    "gcp_opt/deit-drop-tiny": (240, 12, 8_050_976, 8_003_696),
    "gcp_opt/deit-drop-small": (384, 12, 25_662_224, 25_586_576),
    "gcp_opt/deit-drop-base": (768, 12, 93_873_296, 93_722_000),
    "gcp_opt/t2t-drop-14": (384, 14, 25_074_704, 24_999_056),
}
README = {"gcp_opt/deit-drop-small": (25.6, 5.5), "gcp_opt/t2t-drop-14": (24.9, 5.4)}  # M parameters, G operations


def on_meta(name, **options):
    with torch.device("meta"):
        return create_network(name, **options)


@pytest.mark.parametrize("name", NETWORKS)
def test_parameters_and_operations_are_those_of_the_card(name):
    network, card = on_meta(name), NETWORKS[name]
    _, _, every, trained = OFFICIAL[name]
    assert sum(p.numel() for p in network.parameters()) == card.parameters == every
    assert sum(p.numel() for p in network.parameters() if p.requires_grad) == trained
    assert forward_flops(network, torch.zeros(1, 3, 224, 224, device="meta")) == 2 * card.flops


@pytest.mark.parametrize("name", README)
def test_the_published_table_comes_out_without_attention_and_positions(name):
    """The authors' counter leaves the products of attention out; positions are not trained."""
    width, depth, _, trained = OFFICIAL[name]
    parameters, operations = README[name]
    attention = depth * 2 * 197**2 * width
    assert trained / 1e6 == pytest.approx(parameters, abs=0.1)
    assert (NETWORKS[name].flops - attention) / 1e9 == pytest.approx(operations, abs=0.05)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_head_adds_the_logits_of_the_class_token(name):
    head = on_meta(name).head
    assert head.summary == "sum"
    assert head.summary_classifier.in_features == OFFICIAL[name][0]
    assert head.classifier.in_features == head.pool.out_features


def test_images_of_112_pixels_have_as_many_tokens_and_the_same_weights():
    large, small = (on_meta("gcp_opt/deit-drop-tiny", backbone_options={"img_size": size}) for size in (224, 112))
    assert {n: p.shape for n, p in large.state_dict().items()} == {n: p.shape for n, p in small.state_dict().items()}
    assert small(torch.zeros(2, 3, 112, 112, device="meta")).shape == (2, 1000)


def test_a_network_trains_in_every_part_that_is_not_fixed():
    torch.manual_seed(0)
    network = create_network("gcp_opt/deit-drop-tiny", num_classes=5, backbone_options={"img_size": 32}).train()
    network(torch.randn(2, 3, 32, 32)).square().sum().backward()
    without = [name for name, p in network.named_parameters() if p.grad is None]
    assert without == ["backbone.pos_embed"]
    spare = network.head.pool.describe.project.weight.grad[2 * 6 * 14 :]
    assert not spare.any()


SAME_HEAD = {"heads": 6, "head_dim": 24, "center": "head", "normalize": "none"}


@pytest.mark.parametrize(
    ("backbone", "options", "summary", "width"),
    [
        ("deit_tiny_patch16_224", {"depth": 1}, "sum", 192),
        ("cait_xxs24_224", {"depth": 1}, "sum", 192),  # its class token comes in after the blocks
        ("swin_tiny_patch4_window7_224", {"depths": (1, 1, 1, 1)}, None, 768),  # no class token: the vector alone
    ],
)
def test_the_same_head_goes_on_other_transformers_without_a_reduction(backbone, options, summary, width):
    network = create_network(
        backbone, "crosscov", 5, summary=summary, pool_options=SAME_HEAD, backbone_options=options
    ).eval()
    assert network.head.pool.describe.project.in_features == width
    assert network.head.classifier.in_features == 3456
    features = network.features(torch.randn(1, 3, 224, 224))
    logits, vector = network.forward_head(features), network.forward_head(features, pre_logits=True)
    expected = network.head.classifier(vector)
    if summary == "sum":
        expected = expected + network.head.summary_classifier(features.summary)
    torch.testing.assert_close(logits, expected)


def test_a_sum_needs_a_class_token_and_says_so():
    with pytest.raises(ValueError, match="class token"):
        create_network("swin_tiny_patch4_window7_224", "crosscov", summary="sum", backbone_options={"depths": (1,) * 4})
