import logging

import pytest
import torch
from torch import nn

from covpool.models.adaptation.pruning import drop, prune, unreachable


class Body(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Linear(4, 4)
        self.token = nn.Parameter(torch.zeros(4))
        self.blocks = nn.Sequential(nn.Linear(4, 4), nn.BatchNorm1d(4), nn.ReLU())
        self.head = nn.Sequential(nn.Linear(4, 2), nn.BatchNorm1d(2))
        self.table = nn.Parameter(torch.zeros(2), requires_grad=False)
        self.side = nn.Linear(4, 3)
        self.register_buffer("mix", torch.ones(3, 1))

    def forward(self, x):
        x = self.stem(x)
        _ = self.side(x) @ self.mix  # runs and needs its own width, but changes nothing
        return self.blocks(x)


@pytest.fixture
def body():
    torch.manual_seed(0)
    return Body().eval()


@pytest.fixture
def run(body):
    x = torch.randn(5, 4)
    return lambda: body(x)


def test_unreachable_parameters_are_those_that_a_backward_pass_leaves_out(body, run):
    body(torch.randn(5, 4)).sum().backward()
    without = {id(p) for p in body.parameters() if p.requires_grad and p.grad is None}
    assert unreachable(run(), body.parameters()) == without


def test_whole_dead_modules_and_lone_parameters_go_and_the_features_stay(body, run):
    before = run()
    names = prune(body, run)
    assert names == ["token", "head", "frozen:side"]
    assert torch.equal(run(), before)
    assert isinstance(body.head, nn.Identity)
    assert body.token is None
    assert set(dict(body.named_parameters())) == {
        "stem.weight", "stem.bias", "blocks.0.weight", "blocks.0.bias", "blocks.1.weight", "blocks.1.bias",
        "table", "side.weight", "side.bias",
    }  # fmt: skip


def test_what_runs_without_effect_but_must_run_is_frozen(body, run):
    prune(body, run)
    assert not any(p.requires_grad for p in body.side.parameters())
    run().sum().backward()
    assert all(p.grad is not None for p in body.parameters() if p.requires_grad)


def test_what_was_dropped_is_logged(body, run, caplog):
    with caplog.at_level(logging.INFO, "covpool"):
        prune(body, run)
    assert "dropped head (14 parameters)" in caplog.text
    assert "froze side (15 parameters)" in caplog.text


def test_stored_names_drop_the_same_parts_without_a_run(body, run):
    names = prune(body, run)
    again = Body()
    drop(again, names)
    assert again.state_dict().keys() == body.state_dict().keys()
    assert [p.requires_grad for p in again.parameters()] == [p.requires_grad for p in body.parameters()]


def test_a_stored_name_that_is_not_there_is_an_error_with_the_nearest(body):
    with pytest.raises(ValueError, match="unknown part of the backbone 'heads'; did you mean 'head'"):
        drop(body, ["heads"])
