"""Means are those of naive sums; the first step that is no number is named."""

import math

import pytest
import torch

from covpool.training.loop.meters import Meter, NonFiniteLoss

CPU = torch.device("cpu")


def test_epoch_means_weight_each_batch_by_its_images():
    meter = Meter(CPU)
    meter.add_batch(torch.tensor(1.0), torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 0]))
    meter.add_batch(torch.tensor(4.0), torch.tensor([[0.0, 1.0]]), torch.tensor([1]))
    assert meter.epoch_means() == pytest.approx(((1.0 * 2 + 4.0) / 3, 2 / 3))
    meter.begin_epoch()
    assert meter.epoch_means() == (0.0, 0.0)


def test_a_reading_is_the_mean_since_the_last_one():
    meter = Meter(CPU)
    for loss in (1.0, 2.0, 6.0):
        meter.add_step(torch.tensor(loss), None)
    assert meter.read(3) == pytest.approx(3.0)
    assert meter.read(3) is None


def test_the_first_step_that_is_no_number_is_named_with_the_last_checkpoint():
    meter = Meter(CPU)
    meter.checkpoint = "runs/a/last.pt"
    for loss in (1.0, math.nan, math.inf):
        meter.add_step(torch.tensor(loss), torch.tensor(1.0))
    with pytest.raises(NonFiniteLoss, match=r"finite loss; got nan at step 6; .*runs/a/last.pt") as caught:
        meter.check(7)
    assert (caught.value.step, caught.value.checkpoint) == (6, "runs/a/last.pt")


def test_a_gradient_that_is_no_number_is_reported_too():
    meter = Meter(CPU)
    meter.add_step(torch.tensor(1.0), torch.tensor(math.inf))
    with pytest.raises(NonFiniteLoss, match="finite gradient norm; got inf at step 4; there is no checkpoint"):
        meter.read(4)


def test_the_state_goes_on_where_it_was():
    one, other = Meter(CPU), Meter(CPU)
    one.add_batch(torch.tensor(0.3), torch.eye(2), torch.tensor([0, 1]))
    one.add_step(torch.tensor(0.3), torch.tensor(2.0))
    other.load_state_dict(one.state_dict())
    for meter in (one, other):
        meter.add_step(torch.tensor(0.7), None)
    assert one.epoch_means() == other.epoch_means()
    assert one.read(2) == other.read(2)
