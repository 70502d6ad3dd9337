"""Norms of gradients by part are those of torch."""

import pytest
import torch
from torch import nn

from covpool.training.loop.gradients import Gradients, all_finite, by_part


def network():
    torch.manual_seed(0)
    head = nn.ModuleDict({"pool": nn.Linear(4, 3), "classifier": nn.Linear(3, 2)})
    return nn.ModuleDict({"backbone": nn.Linear(5, 4), "head": head})


def test_each_part_and_the_whole():
    net = network()
    x = net["head"]["classifier"](net["head"]["pool"](net["backbone"](torch.ones(2, 5))))
    x.square().sum().backward()
    found = by_part(Gradients(net).norms())
    for part, module in (("backbone", net["backbone"]), ("pool", net["head"]["pool"]), ("total", net)):
        expected = torch.cat([p.grad.flatten() for p in module.parameters()]).norm().item()
        assert found[part].item() == pytest.approx(expected, rel=1e-6)


def test_parts_that_are_frozen_have_no_norm_and_no_gradient_is_no_error():
    net = network()
    assert Gradients(net).norms() is None
    net["head"]["classifier"].weight.grad = torch.ones(2, 3)
    assert set(by_part(Gradients(net).norms())) == {"total", "classifier"}


def test_a_norm_may_overflow_where_every_number_is_finite():
    net = network()
    net["backbone"].weight.grad = torch.full((4, 5), 1e30)
    gradients = Gradients(net)
    assert not gradients.norms()[1].isfinite().all()
    assert gradients.are_finite()
    net["backbone"].weight.grad[0, 0] = torch.inf
    assert not gradients.are_finite()
    assert all_finite([torch.tensor([1, 2])])


@pytest.mark.parametrize(
    ("value", "finite"), [(1.0, True), (1e18, True), (1e20, False), (float("inf"), False), (float("nan"), False)]
)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_squares_are_finite_where_every_number_is_and_their_sum_holds(value, finite, layout):
    net = nn.Conv2d(3, 4, 3, bias=False)
    net.weight.grad = torch.zeros(4, 3, 3, 3)
    net.weight.grad[1, 2, 0, 1] = value
    net.weight.grad = net.weight.grad.contiguous(memory_format=layout)
    assert Gradients(net).squares_are_finite() is finite
