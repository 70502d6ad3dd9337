"""Losses equal naive sums over images and classes."""

import math

import pytest
import torch

from covpool.functional import balance_loss
from covpool.training.parts.losses import auxiliaries, losses

LOGITS = torch.tensor([[2.0, -1.0, 0.5], [0.3, 0.1, -2.0]])
LABELS = torch.tensor([0, 2])


def smooth_targets(label, smoothing):
    return [(1 - smoothing) * (k == label) + smoothing / 3 for k in range(3)]


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
def test_cross_entropy_with_smoothing_is_the_naive_sum(smoothing):
    expected = 0.0
    for row, label in zip(LOGITS.tolist(), LABELS.tolist(), strict=True):
        total = sum(math.exp(z) for z in row)
        targets = smooth_targets(label, smoothing)
        expected -= sum(t * math.log(math.exp(z) / total) for t, z in zip(targets, row, strict=True)) / 2
    assert losses.get("cross-entropy")(smoothing=smoothing)(LOGITS, LABELS).item() == pytest.approx(expected)


@pytest.mark.parametrize(("smoothing", "threshold"), [(0.0, None), (0.2, None), (0.2, 0.5)])
def test_binary_cross_entropy_is_the_naive_mean_over_all_answers(smoothing, threshold):
    expected = 0.0
    for row, label in zip(LOGITS.tolist(), LABELS.tolist(), strict=True):
        for z, target in zip(row, smooth_targets(label, smoothing), strict=True):
            t = target if threshold is None else float(target > threshold)
            p = 1 / (1 + math.exp(-z))
            expected -= (t * math.log(p) + (1 - t) * math.log(1 - p)) / 6
    loss = losses.get("bce")(smoothing=smoothing, threshold=threshold)
    assert loss(LOGITS, LABELS).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", ["cross-entropy", "bce"])
def test_a_smoothing_of_one_is_refused(name):
    with pytest.raises(ValueError, match=f"{name}.*smoothing from 0"):
        losses.get(name)(smoothing=1.0)


@pytest.mark.parametrize("name", ["cross-entropy", "bce"])
def test_soft_targets_that_are_labels_give_the_loss_of_the_labels(name):
    loss = losses.get(name)(smoothing=0.1)
    soft = torch.nn.functional.one_hot(LABELS, 3).float()
    torch.testing.assert_close(loss(LOGITS, soft), loss(LOGITS, LABELS))


def test_mixed_targets_are_smoothed_after_the_mixture():
    mixed = torch.tensor([[0.7, 0.0, 0.3], [0.2, 0.8, 0.0]])
    targets = 0.9 * mixed + 0.1 / 3
    expected = -(targets * LOGITS.log_softmax(dim=1)).sum(dim=1).mean()
    torch.testing.assert_close(losses.get("cross-entropy")(smoothing=0.1)(LOGITS, mixed), expected)


def test_the_balance_loss_looks_at_the_gate():
    found = auxiliaries.get("balance")(strength=10.0)
    weights = torch.tensor([[0.5, 0.5, 0.0], [1.0, 0.0, 0.0]])
    assert found.observed == "head.pool.gate"
    torch.testing.assert_close(found.loss(weights), balance_loss(weights, 10.0))
