import pytest
import torch
from torch import nn

from covpool import create_network
from covpool.training.parts.optimizer import set_training_mode


def trained(mode, **options):
    """A network, and what a step changed: statistics and scales of the backbone's norms, statistics of the head's."""
    torch.manual_seed(0)
    network = create_network("test_resnet", "isqrt", 3, reduce_to=8, **options)
    network.set_batch_norm(mode)
    set_training_mode(network, frozen=False)
    norms = [m for m in network.backbone.modules() if isinstance(m, nn.BatchNorm2d)]
    before = [(n.running_mean.clone(), n.weight.detach().clone()) for n in norms]
    optimizer = torch.optim.SGD([p for p in network.parameters() if p.requires_grad], lr=0.1)
    network(torch.randn(4, 3, 64, 64)).square().sum().backward()
    optimizer.step()
    statistics = [not torch.equal(n.running_mean, mean) for n, (mean, _) in zip(norms, before, strict=True)]
    scales = [not torch.equal(n.weight, weight) for n, (_, weight) in zip(norms, before, strict=True)]
    return any(statistics), any(scales), network


@pytest.mark.parametrize(
    ("mode", "statistics", "scales"),
    [("train", True, True), ("frozen-statistics", False, True), ("frozen", False, False)],
)
def test_a_mode_holds_what_it_says_and_the_head_learns(mode, statistics, scales):
    *changed, network = trained(mode)
    assert changed == [statistics, scales]
    head = [m for m in network.head.modules() if isinstance(m, nn.BatchNorm2d)]
    assert head
    assert all(norm.training and norm.weight.requires_grad for norm in head)


def test_a_mode_can_be_left_again():
    network = create_network("test_resnet", "avg", 3)
    network.set_batch_norm("frozen")
    set_training_mode(network, frozen=False)
    network.set_batch_norm("train")
    set_training_mode(network, frozen=False)
    norms = [m for m in network.backbone.modules() if isinstance(m, nn.BatchNorm2d)]
    assert all(norm.training and norm.weight.requires_grad for norm in norms)


@pytest.mark.parametrize(
    ("backbone", "mode", "says"),
    [("test_resnet", "froze", "one of train, frozen-statistics, frozen"), ("test_vit", "frozen", "has none")],
)
def test_a_wrong_mode_is_said(backbone, mode, says):
    with torch.device("meta"):
        network = create_network(backbone, "avg", 3)
    with pytest.raises(ValueError, match=says):
        network.set_batch_norm(mode)
