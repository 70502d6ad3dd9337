import pytest
import torch

from covpool import create_network
from covpool.evaluation.flops import forward_flops
from covpool.models.published import published_networks
from covpool.models.published.threeg import NETWORKS

ENTRIES = {18: 242, 34: 338, 23: 278, 50: 440, 101: 746, 152: 1052}  # of the official state dicts
DEEP = ("threeg/resnet101", "threeg/resnet152", "threeg/resnet101-places365")  # many modules to build


@pytest.mark.parametrize("name", [pytest.param(n, marks=pytest.mark.slow) if n in DEEP else n for n in NETWORKS])
def test_a_network_counts_the_parameters_and_products_of_its_card(name):
    card = published_networks.get(name)
    with torch.device("meta"):
        network, image = create_network(name).eval(), torch.zeros(1, 3, 224, 224)
    assert sum(parameter.numel() for parameter in network.parameters()) == card.parameters
    assert len(network.state_dict()) == ENTRIES[int(name.partition("-")[0].removeprefix("threeg/resnet"))]
    assert forward_flops(network, image) / 2 == pytest.approx(card.flops, rel=0.02)


def test_the_last_map_keeps_the_resolution_of_the_one_before():
    with torch.device("meta"):
        network, image = create_network("threeg/resnet18").eval(), torch.zeros(1, 3, 224, 224)
        assert network.forward_features(image).shape == (1, 512, 14, 14)


def test_released_networks_state_errors_and_files_and_others_neither():
    released = {name for name, card in NETWORKS.items() if card.files}
    assert released == {f"threeg/resnet{depth}{data}" for depth in (50, 101) for data in ("", "-places365")}
    assert all((card.top1_error is not None) == (name in released) for name, card in NETWORKS.items())
