"""Overflows under a loss scale are told from gradients that are never numbers."""

import torch
from torch import nn

from covpool.training.loop.overflow import Overflows, taken_again
from covpool.training.run import generator_states


def first_too_long(steps, finite=()):
    overflows = Overflows()
    return next((step for step in steps if overflows.last_too_long(step, is_finite=step in finite)), None)


def test_halvings_at_the_start_are_part_of_the_work():
    assert first_too_long(range(1, 100), finite=range(17, 100)) is None
    assert first_too_long(range(1, 100)) == 25
    assert first_too_long(range(1, 100), finite=(10,)) == 35


def test_looks_that_lie_far_apart_need_a_third():
    assert first_too_long(range(50, 500, 50)) == 150
    assert first_too_long(range(10, 500, 10)) == 40


def test_all_is_as_it_was_when_a_step_was_taken_again():
    torch.manual_seed(0)
    network, x = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Dropout()), torch.randn(6, 3)
    generators = generator_states()
    first = network(x)
    first.sum().backward()
    gradients = [p.grad.clone() for p in network.parameters()]
    buffers, drawn = [b.clone() for b in network.buffers()], torch.get_rng_state()
    with taken_again(network, generators):
        assert all(p.grad is None for p in network.parameters())
        assert torch.equal(network(x), first)
    assert all(torch.equal(p.grad, g) for p, g in zip(network.parameters(), gradients, strict=True))
    assert all(torch.equal(b, kept) for b, kept in zip(network.buffers(), buffers, strict=True))
    assert torch.equal(torch.get_rng_state(), drawn)
