"""Values and gradients of the official GM-SOP layers, in float64 and float32."""

import pytest
import torch
from torch import nn

from covpool.functional.gating import balance_loss, gate_scores, top_k_weights
from covpool.pooling import FirstOrderPool, create_pool
from covpool.pooling.first_order import Average
from covpool.pooling.mixture import GatedMixture
from golden_files import assert_float32_is_close, golden

TOLERANCE = {"rtol": 1e-8, "atol": 1e-10}


@pytest.mark.parametrize("mode", ["test", "normal"])
def test_scores_and_weights_equal_the_official_gate(mode):
    fields = golden(f"gm_sop/layer_hx_gating_{mode}")
    names = {"x": "dx", "gating_w": "dgating_w", "gating_noise_w": "dgating_noise_w"}
    leaves = [fields[name].clone().requires_grad_() for name in names]
    noise = fields["gamma"] if mode == "normal" else None
    scores = gate_scores(*leaves, noise)
    torch.testing.assert_close(scores, fields["H"], **TOLERANCE)
    weights = top_k_weights(scores, int(fields["topk"]))
    torch.testing.assert_close(weights, fields["weights"], **TOLERANCE)
    assert torch.equal(weights > 0, fields["selected"])
    weights.backward(fields["dweights"])
    for leaf, gradient in zip(leaves, names.values(), strict=True):
        found = torch.zeros_like(leaf) if leaf.grad is None else leaf.grad
        torch.testing.assert_close(found, fields[gradient], **TOLERANCE)
    single = noise.float() if mode == "normal" else None
    assert_float32_is_close(
        lambda *leaves: top_k_weights(gate_scores(*leaves, single), int(fields["topk"])),
        [fields[name] for name in names],
        fields["weights"],
        fields["dweights"],
        [fields[names[name]] if mode == "normal" or name != "gating_noise_w" else None for name in names],
    )


@pytest.mark.parametrize("case", [0, 1, 2, 4])
def test_ties_are_broken_as_officially(case):
    fields = golden("gm_sop/layer_gating_ties")
    weights = top_k_weights(fields[f"H{case}"], 3)
    torch.testing.assert_close(weights, fields[f"weights{case}"], **TOLERANCE)
    assert torch.equal(weights > 0, fields[f"selected{case}"])


@pytest.mark.parametrize("case", [3, 6])
def test_a_selected_score_of_zero_keeps_the_weight_that_the_official_gate_takes_from_it(case):
    fields = golden("gm_sop/layer_gating_ties")
    scores, selected = fields[f"H{case}"], fields[f"selected{case}"]
    weights = top_k_weights(scores, 3)
    assert torch.equal(weights > 0, selected)
    assert (fields[f"weights{case}"][selected] == 0).any()
    torch.testing.assert_close(weights[selected], scores[selected].softmax(0))


def test_the_best_candidate_is_never_dropped_by_chance_as_the_official_gate_may():
    scores = golden("gm_sop/layer_gating_ties")["H5"]
    assert scores.tolist() == [[1, 1, 1, 1, 5, 6]]
    for shuffle in (False, True):
        assert (top_k_weights(scores, 3, shuffle=shuffle) > 0)[0].tolist() == [True, False, False, False, True, True]


@pytest.mark.parametrize("strength", [1, 100])
def test_the_balance_loss_is_the_official_one_over_the_batch(strength):
    fields = golden(f"gm_sop/layer_balance_w{strength}")
    weights = fields["weights"].clone().requires_grad_()
    loss = len(weights) * balance_loss(weights, float(strength))
    torch.testing.assert_close(loss, fields["loss"], **TOLERANCE)
    loss.backward()
    torch.testing.assert_close(weights.grad, fields["dweights"], **TOLERANCE)
    single = lambda weights: len(weights) * balance_loss(weights, float(strength))  # noqa: E731
    assert_float32_is_close(single, fields["weights"], loss, torch.ones(()), fields["dweights"])


class Given(nn.Module):
    """A gate that answers with given weights, or candidates that answer with given vectors as maps of one position."""

    def __init__(self, value, in_features=None):
        super().__init__()
        self.value, self.in_features = value, in_features

    def forward(self, x, index=None):
        if index is None:
            return self.value
        rows = torch.arange(len(index)).unsqueeze(-1)
        return self.value[rows, index].flatten(0, 1)[:, :, None, None]


def test_the_sum_equals_the_official_one():
    fields = golden("gm_sop/layer_cm_out")
    vectors, weights = (fields[name].clone().requires_grad_() for name in ("features", "weights"))
    active = int(fields["selected"].sum(1)[0])
    pool = FirstOrderPool(vectors.shape[-1], summarize=Average(vectors.shape[-1]))
    mixture = GatedMixture(gate=Given(weights), candidates=Given(vectors, 1), pool=pool, active=active)
    mixture.normalize = nn.Identity()
    out = mixture(torch.zeros(len(weights), 1, 1, 1, dtype=torch.float64))
    torch.testing.assert_close(out, fields["out"], **TOLERANCE)
    out.backward(fields["dout"])
    torch.testing.assert_close(vectors.grad, fields["dfeatures"], **TOLERANCE)
    torch.testing.assert_close(weights.grad, fields["dweights"], **TOLERANCE)


def test_sr_sop_equals_the_official_chain():
    fields = golden("gm_sop/layer_srsop_iter3")
    x = fields["x"].clone().requires_grad_()
    rows, columns = torch.tril_indices(6, 6)
    place = torch.empty(6, 6, dtype=torch.long)
    place[tuple(torch.triu_indices(6, 6))] = torch.arange(21)
    pool = create_pool("sr-sop", 6)
    chain = lambda x: pool(x)[:, place[columns, rows]]  # noqa: E731
    y = chain(x)
    torch.testing.assert_close(y, fields["out"], **TOLERANCE)
    y.backward(fields["dout"])
    torch.testing.assert_close(x.grad, fields["dx"], **TOLERANCE)
    assert_float32_is_close(chain, fields["x"], fields["out"], fields["dout"], fields["dx"])
