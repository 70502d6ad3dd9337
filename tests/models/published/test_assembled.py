import pytest
import torch

from covpool import create_network
from covpool.data import Preprocessing, protocols
from covpool.evaluation.flops import forward_flops
from covpool.models.published import published_networks
from covpool.models.published.assembled import NETWORKS

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
