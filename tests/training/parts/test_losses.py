"""Losses equal naive sums over images and classes."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from covpool.functional import balance_loss
from covpool.training.parts.losses import NPair, auxiliaries, losses
from golden_files import GOLDEN

RELEASED = np.load(GOLDEN / "assembled" / "training" / "losses.npz")

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
    torch.testing.assert_close(found(weights, LABELS), balance_loss(weights, 10.0))


def released(name, wanted):
    """Value and gradient of a loss of the release's logits equal what its code gave."""
    logits = torch.from_numpy(RELEASED["logits"]).requires_grad_()
    loss = wanted(logits)
    loss.backward()
    assert loss.item() == pytest.approx(RELEASED[name].item(), rel=1e-6)
    torch.testing.assert_close(logits.grad, torch.from_numpy(RELEASED[f"{name}_grad"]), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("name", "loss", "targets"),
    [
        ("softmax_hard_ls0.0", losses.get("ce")(), "labels"),
        ("softmax_hard_ls0.1", losses.get("ce")(smoothing=0.1), "labels"),
        ("softmax_mixed_ls0.0", losses.get("ce")(), "mixed_onehot"),
        ("softmax_mixed_ls0.1", losses.get("ce")(smoothing=0.1), "mixed_onehot"),
        ("sigmoid_hard", losses.get("sigmoid")(), "labels"),
        ("sigmoid_mixed", losses.get("sigmoid")(), "mixed_onehot"),
    ],
)
def test_the_losses_of_assemble_are_those_of_the_release(name, loss, targets):
    released(name, lambda logits: loss(logits, torch.from_numpy(RELEASED[targets])))


def answers():
    for row, label in zip(LOGITS.tolist(), LABELS.tolist(), strict=True):
        q = [1 / (1 + math.exp(-z)) for z in row]
        yield q, label


def test_focal_is_the_naive_sum_over_the_number_of_pictures():
    expected = 0.0
    for q, label in answers():
        for k, p in enumerate(q):
            right, share = (p, 0.25) if k == label else (1 - p, 0.75)
            expected -= share * (1 - right) ** 2 * math.log(right) / 2
    assert losses.get("focal")()(LOGITS, LABELS).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("gamma", "slack"), [(0.5, 0.05), (2.0, 0.0), (0.5, 0.99)])
def test_anchor_is_the_naive_sum_over_the_number_of_pictures(gamma, slack):
    expected = 0.0
    for q, label in answers():
        anchor = max(0.0, q[label] - slack)
        for k, p in enumerate(q):
            expected -= (math.log(p) if k == label else (1 + p - anchor) ** gamma * math.log(1 - p)) / 2
    loss = losses.get("anchor")(gamma=gamma, slack=slack)
    assert loss(LOGITS, LABELS).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("name", [name for name in losses if name not in ("cross-entropy", "ce", "bce")])
def test_losses_of_all_classes_take_soft_targets_and_stay_finite_far_out(name):
    far = (LOGITS * 1e4).requires_grad_()
    loss = losses.get(name)()
    one_hot = torch.nn.functional.one_hot(LABELS, 3).float()
    torch.testing.assert_close(loss(LOGITS, one_hot), loss(LOGITS, LABELS))
    loss(far, one_hot).backward()
    assert far.grad.isfinite().all()


@pytest.mark.parametrize(
    ("name", "options", "sentence"),
    [("focal", {"gamma": -1.0}, "'focal' needs a gamma"), ("anchor", {"slack": 1.0}, "'anchor' needs .* a slack")],
)
def test_options_out_of_range_are_sentences(name, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        losses.get(name)(**options)


def test_n_pair_is_the_naive_sum_over_pairs():
    vectors = torch.randn(7, 5, generator=torch.Generator().manual_seed(0))
    labels = torch.tensor([4, 0, 4, 0, 1, 0, 0])  # pairs (0, 2), (1, 3), (5, 6)
    anchors, positives, owners = vectors[[1, 5, 0]], vectors[[3, 6, 2]], [0, 0, 4]
    expected = 0.0
    for i, owner in enumerate(owners):
        scores = [float(anchors[i] @ p) for p in positives]
        total = math.log(sum(math.exp(s) for s in scores))
        same = [j for j, other in enumerate(owners) if other == owner]
        expected -= sum(scores[j] - total for j in same) / len(same) / 3
    expected += 0.1 / 4 * float(anchors.square().sum() / 3 + positives.square().sum() / 3)
    assert NPair(regularization=0.1)(vectors, labels).item() == pytest.approx(expected, rel=1e-5)


def test_n_pair_of_pictures_that_share_no_class_is_zero_with_a_gradient():
    vectors = torch.randn(3, 5).requires_grad_()
    loss = NPair()(vectors, torch.tensor([2, 0, 1]))
    loss.backward()
    assert (loss.item(), vectors.grad.abs().sum().item()) == (0, 0)


def test_n_pair_looks_where_it_is_told():
    found = auxiliaries.get("n-pair")(weight=2.0, observed="head.embedding")
    vectors, labels = nn.functional.normalize(torch.randn(4, 5)), torch.tensor([0, 0, 1, 1])
    assert found.observed == "head.embedding"
    torch.testing.assert_close(found(vectors, labels), 2 * NPair()(vectors, labels))
