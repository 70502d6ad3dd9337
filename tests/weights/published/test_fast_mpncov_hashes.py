import pytest
import torch

from covpool.models import create_network, published_networks
from covpool.weights.published.fast_mpncov_hashes import hashes, is_compact_bilinear
from golden_files import golden

COMPACT = [name for name in published_networks if name.startswith("fast_mpncov/") and is_compact_bilinear(name)]


@pytest.mark.parametrize(("name", "channels"), [("alexnet-cbp", 256), ("vgg16-cbp", 512), ("resnet50-cbp", 2048)])
def test_the_hashes_are_the_official_ones(name, channels):
    fields, found = golden("fast_mpncov/cbp_default_hashes"), hashes(f"fast_mpncov/{name}")
    for row in (0, 1):
        assert torch.equal(found["head.pool.describe.bins"][row], fields[f"h{row + 1}_{channels}"].long())
        assert torch.equal(found["head.pool.describe.signs"][row], fields[f"s{row + 1}_{channels}"].long())


@pytest.mark.slow
@pytest.mark.parametrize("name", COMPACT)
def test_there_is_one_for_each_channel_of_the_network(name):
    with torch.device("meta"):
        pool = create_network(name).head.pool
    assert hashes(name)["head.pool.describe.bins"].shape == (2, pool.in_features)
