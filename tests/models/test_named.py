import pytest
import timm
import torch

from covpool.models import create_network, named_networks
from covpool.pooling import pools


@pytest.mark.parametrize("name", named_networks.names())
def test_a_named_network_is_made_of_parts_that_exist(name):
    row = named_networks.get(name)
    assert timm.is_model(row.backbone)
    assert pools.resolve(row.pool) == row.pool
    assert row.last_stride in (None, 1)


@pytest.mark.slow
@pytest.mark.parametrize("name", named_networks.names())
def test_a_named_network_gives_logits_and_keeps_its_resolution(name):
    row = named_networks.get(name)
    network = create_network(name, num_classes=3).eval()
    size = 224 if network.pretrained_cfg.get("fixed_input_size") else 64
    with torch.no_grad():
        features = network.forward_features(torch.randn(1, 3, size, size))
        assert network.forward_head(features).shape == (1, 3)
    if row.last_stride == 1:
        assert features.shape[2:] == (4, 4)
