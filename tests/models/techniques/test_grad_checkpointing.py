import copy

import pytest
import timm
import torch
from torch import nn

from covpool import create_network
from covpool.models.techniques.body import Body
from covpool.models.techniques.grad_checkpointing import checkpoint_blocks


def step(network, x):
    """Numbers kept for the backward pass of one step."""
    kept = []
    torch.manual_seed(1)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.numel()) or t, lambda t: t):
        y = network(x)
    y.square().mean().backward()
    return sum(kept)


@pytest.mark.parametrize("name", ["test_resnet", "test_efficientnet", "test_convnext", "conv4", "cifar_resnet"])
def test_training_gives_the_same_numbers_and_keeps_fewer(name):
    torch.manual_seed(0)
    network = create_network(name, "avg", 3)
    frugal = copy.deepcopy(network)
    frugal.set_grad_checkpointing()
    frugal = copy.deepcopy(frugal)  # as an average of weights does
    x = torch.randn(2, 3, 64, 64)
    assert step(frugal.train(), x) < step(network.train(), x)
    assert list(frugal.state_dict()) == list(network.state_dict())
    for (key, found), expected in zip(frugal.state_dict().items(), network.state_dict().values(), strict=True):
        assert torch.equal(found, expected), key
    for found, expected in zip(frugal.parameters(), network.parameters(), strict=True):
        assert torch.equal(found.grad, expected.grad)


def test_it_can_be_ended():
    network = create_network("cifar_resnet", "avg", 3)
    x = torch.randn(1, 3, 32, 32)
    before = step(network.eval(), x)
    network.set_grad_checkpointing()
    network.train()
    frugal = step(network, torch.cat([x, x]))
    network.set_grad_checkpointing(False)
    assert step(network, torch.cat([x, x])) > frugal
    assert step(network.eval(), x) == before


def test_a_backbone_without_blocks_is_refused():
    class Flat(nn.Module):
        pretrained_cfg = {"input_size": (3, 8, 8)}

        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)

        def forward_features(self, x):
            return self.conv(x)

    with pytest.raises(ValueError, match="needs a backbone of blocks; Flat has none"):
        checkpoint_blocks(Body(Flat()))


def test_timm_decides_where_it_can():
    backbone = timm.create_model("test_vit", num_classes=0)
    checkpoint_blocks(Body(backbone))
    assert backbone.grad_checkpointing
