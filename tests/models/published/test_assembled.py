import pytest
import torch

from covpool import create_network
from covpool.data import Preprocessing, protocols
from covpool.evaluation.flops import forward_flops
from covpool.models.architectures.assembled import assembled_resnet
from covpool.models.published import published_networks
from covpool.models.published.assembled import NETWORKS
from covpool.recipes import find_recipe

QUICK = ("resnet50", "resnet50-d-se", "resnet50-flatten", "bl-resnet50-sk", "assemble-resnet50-nods-gem-emb128")
# Billions of multiply-adds that the paper (v1, table 12) has
PUBLISHED = {"resnet50": 4.1, "resnet50-d": 4.4, "resnet50-d-sk": 6.2, "bl-resnet50-sk": 5.4, "assemble-resnet50": 7.2}


def on_meta(name, **options):
    with torch.device("meta"):
        return create_network(name, **options).eval()


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if name.split("/")[1] in QUICK else pytest.mark.slow) for name in NETWORKS],
)
def test_parameters_and_products_are_those_of_the_card(name):
    network, card = on_meta(name), published_networks.get(name)
    assert sum(p.numel() for p in network.parameters()) == card.parameters
    x = torch.empty(1, 3, card.input_size, card.input_size, device="meta")
    assert forward_flops(network, x) == 2 * card.flops


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_published_operations_come_out(name):
    assert NETWORKS[f"assembled/{name}"].flops / 1e9 == pytest.approx(PUBLISHED[name], rel=0.04)


def test_the_network_describes_the_images_it_was_judged_on():
    network = on_meta("assembled/assemble-resnet50")
    assert network.pretrained_cfg["input_size"] == (3, 256, 256)
    assert network.pretrained_cfg["std"] == (1 / 255, 1 / 255, 1 / 255)
    assert network.num_classes == 1001


def test_a_pooled_vector_can_be_had_and_a_new_classifier():
    network = on_meta("assembled/resnet50-emb128", num_classes=5)
    assert network.head_hidden_size == 128
    assert network(torch.empty(2, 3, 64, 64, device="meta")).shape == (2, 5)
    assert network.forward_head(torch.empty(2, 2048, 2, 2, device="meta"), pre_logits=True).shape == (2, 128)


# Trainable parameters of the official graphs, counted by running them, at 1001 classes; rows of the paper's table 7
OFFICIAL = {
    "resnet50": (25_559_081, "e0"),
    "resnet50-d": (25_578_313, "e1 e2 e3"),
    "resnet50-d-se": (28_093_257, "e4 e5"),
    "resnet50-d-sk": (38_793_097, "e6 e7 e8"),
    "bl-resnet50": (28_405_673, ""),
    "bl-resnet50-sk": (41_848_489, "e9"),
    "assemble-resnet50": (41_848_489, "e10 e11"),  # anti-alias has no parameters
    "bl-resnet101-sk": (66_349_929, ""),
    "assemble-resnet152": (117_006_249, "e12"),
}


@pytest.mark.parametrize("name", OFFICIAL)
def test_a_row_of_the_ablation_is_the_official_structure(name):
    parameters, rows = OFFICIAL[name]
    row = NETWORKS[f"assembled/{name}"].network
    with torch.device("meta"):
        backbone = assembled_resnet(**row.backbone_options)
    classifier = 1001 * (backbone.num_features + 1)
    assert sum(p.numel() for p in backbone.parameters()) + classifier == parameters
    for recipe in rows.split():
        assert find_recipe(f"assembled/{recipe}").network.backbone == f"assembled/{name}"


def test_errors_are_those_of_networks_that_the_paper_has():
    stated = {name for name, card in NETWORKS.items() if card.top1_error is not None}
    assert {"assembled/resnet50", "assembled/assemble-resnet50", "assembled/assemble-resnet152"} <= stated
    assert all(NETWORKS[name].notes.count("Error:") == 1 for name in stated)
    assert not any("Error:" in card.notes for name, card in NETWORKS.items() if name not in stated)
    released = {name for name, card in NETWORKS.items() if card.files}
    assert released == {"assembled/resnet50", "assembled/assemble-resnet50", "assembled/assemble-resnet152"}


def test_a_card_names_the_protocol_that_its_error_was_measured_with():
    seen = {name: Preprocessing(card.input_size, **card.preprocessing) for name, card in NETWORKS.items()}
    for name, values in seen.items():
        protocol = protocols.get(values.protocol).preprocessing
        assert (values.image_size, values.interpolation) == (protocol.image_size, protocol.interpolation), name
        assert (values.mean, values.std, values.crop_pct) == (protocol.mean, protocol.std, protocol.crop_pct), name
    assert seen["assembled/assemble-resnet152"].protocol == "assembled-imagenet_224_256a"
    assert seen["assembled/resnet50"].protocol == "assembled-imagenet"
