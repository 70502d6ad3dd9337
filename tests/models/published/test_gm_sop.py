import pytest
import torch

from covpool import create_network
from covpool.evaluation.flops import forward_flops
from covpool.models.published import published_networks
from covpool.models.published.gm_sop import NETWORKS

MAPS = {"sop": 16, "gap": 8, "resnet18": 8, "wrn36": 8}


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_counts_the_parameters_and_products_of_its_card(name):
    card = published_networks.get(name)
    with torch.device("meta"):
        network, image = create_network(name).eval(), torch.zeros(1, 3, 64, 64)
        features = network.forward_features(image)
    assert sum(parameter.numel() for parameter in network.parameters()) == card.parameters
    assert features.shape[2:] == (MAPS[name.rpartition("-")[2].rpartition("/")[2]],) * 2
    assert forward_flops(network, image) / 2 == pytest.approx(card.flops, rel=0.02)


@pytest.mark.parametrize(
    ("name", "rate"),
    [
        ("resnet18", 0.0),
        ("resnet18-gm-gap", 0.2),
        ("resnet18-gm-sop", 0.2),
        ("wrn36-gm-gap", 0.2),
        ("wrn36-gm-sop", 0.4),
    ],
)
def test_dropout_is_that_of_the_released_scripts(name, rate):
    assert NETWORKS[f"gm_sop/{name}"].network.drop_rate == rate


def test_released_files_are_told_by_their_md5():
    sums = [file.md5 for card in NETWORKS.values() for file in card.files]
    assert len(set(sums)) == len(sums) == 6
    assert all(len(md5) == 32 for md5 in sums)


def test_images_are_only_freed_of_their_mean():
    with torch.device("meta"):
        network = create_network("gm_sop/resnet18-gm-gap", num_classes=2)
    assert network.pretrained_cfg["std"] == (1 / 255,) * 3
    assert network.pretrained_cfg["input_size"] == (3, 64, 64)
