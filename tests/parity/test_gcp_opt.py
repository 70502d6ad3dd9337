"""Values and gradients of the official layers of DropCov and its transformers, in float64."""

import pytest
import torch

from covpool import functional
from covpool.functional.drop import adaptive_drop_rate
from covpool.functional.roots.singular import singular_power
from covpool.pooling import create_pool
from covpool.pooling.normalize import Scale, SignedPower, SignedSqrt, SingularPower
from covpool.pooling.published import gcp_opt
from covpool.pooling.reweight import AdaptiveChannelDrop
from golden_files import golden

TOLERANCE = {"rtol": 1e-8, "atol": 1e-10}
SINGLE = {"rtol": 1e-5, "atol": 1e-7}


def assert_equals_golden(function, fields):
    x = fields["x"].clone().requires_grad_()
    y = function(x)
    torch.testing.assert_close(y.flatten(1), fields["y"].flatten(1), **TOLERANCE)
    y.backward(fields["gy"].reshape(y.shape))
    torch.testing.assert_close(x.grad, fields["gx"], **TOLERANCE)


def channel_drop(fields):
    drop = AdaptiveChannelDrop(fields["x"].shape[1]).to(fields["x"].dtype)
    drop.load_state_dict({"filter.weight": fields["conv_w"].reshape(1, 1, 3)})
    return drop


def test_the_importance_equals_the_official_attention():
    fields = golden("gcp_opt/eca_layer")
    drop, x = channel_drop(fields), fields["x"].clone().requires_grad_()
    importance = drop.importance(x)
    out = x * (1 + importance[:, :, None, None])
    torch.testing.assert_close(importance, fields["y"].flatten(1), **TOLERANCE)
    torch.testing.assert_close(out, fields["out"], **TOLERANCE)
    torch.autograd.backward([out, importance], [fields["g_out"], fields["g_y"].flatten(1)])
    torch.testing.assert_close(x.grad, fields["gx"], **TOLERANCE)
    torch.testing.assert_close(drop.filter.weight.grad, fields["g_conv_w"], **TOLERANCE)


@pytest.mark.parametrize("case", ["c16", "c64_p0", "c64_anticorrelated"])
def test_dropcov_in_training_equals_the_official_layer_under_its_mask(case, monkeypatch):
    fields = golden(f"gcp_opt/dropcov_train_{case}")
    pool, rates = create_pool("dropcov", fields["x"].shape[1]).double().train(), []
    pool.reweight.load_state_dict({"filter.weight": fields["conv_w"]})

    def recorded(shape, rate, like):
        rates.append(rate)
        return (fields["mask"] / (1 - rate)).reshape(shape) if rate > 0 else torch.ones(shape, dtype=like.dtype)

    monkeypatch.setattr("covpool.pooling.reweight.drop_mask", recorded)
    assert_equals_golden(pool, fields)
    torch.testing.assert_close(rates[0], fields["p"], **TOLERANCE)
    torch.testing.assert_close(pool.reweight.filter.weight.grad, fields["g_conv_w"], **TOLERANCE)


def test_dropcov_in_evaluation_equals_the_official_layer():
    fields = golden("gcp_opt/dropcov_eval_c16")
    assert_equals_golden(create_pool("dropcov", 16).double().eval(), fields)


def test_the_rate_equals_that_of_the_mindspore_release():
    fields = golden("gcp_opt/ms_dropcov_train_c128")
    drop = channel_drop(fields)
    importance = drop.importance(fields["x"])
    x = fields["x"] * (1 + importance[:, :, None, None])
    torch.testing.assert_close(x, fields["eca_out"], **SINGLE)
    rate = adaptive_drop_rate(x.flatten(2), importance)
    torch.testing.assert_close(rate.double(), fields["p"], rtol=1e-6, atol=0)
    dropped = x * fields["mask"] / (1 - rate)
    y = functional.triangle(functional.covariance(dropped.flatten(2)))
    assert (y - fields["y"]).norm() <= 1e-5 * fields["y"].norm()


@pytest.mark.parametrize(
    ("case", "function"),
    [
        ("ablation_signed_sqrt", SignedPower()),
        ("ablation_l2norm", functional.l2_normalize),
        ("epn", SignedSqrt()),
        ("scalenorm_fixed", Scale(6**-0.5).double()),
    ],
)
def test_normalisations_equal_the_official_ones(case, function):
    fields = golden(f"gcp_opt/{case}")
    if case == "scalenorm_fixed":
        function.factor.data.copy_(fields["factor"])
    assert_equals_golden(function, fields)


def test_newton_schulz_equals_the_official_root_in_the_symmetric_part_of_the_gradient():
    """The whole official gradient is the transpose of the true one."""
    fields = golden("gcp_opt/mpn_iter5")
    x = fields["x"].clone().requires_grad_()
    y = functional.triangle(functional.matrix_sqrt(x))
    torch.testing.assert_close(y, fields["y"], **TOLERANCE)
    y.backward(fields["gy"])
    torch.testing.assert_close(x.grad + x.grad.mT, fields["gx"] + fields["gx"].mT, **TOLERANCE)


def test_a_learned_scale_gets_the_official_gradient():
    fields = golden("gcp_opt/scalenorm_learn")
    scale = Scale(float(fields["factor"]), learn=True).double()
    scale.factor.data.copy_(fields["factor"])
    assert_equals_golden(scale, fields)
    torch.testing.assert_close(scale.factor.grad, fields["g_factor"], **TOLERANCE)


SINGULAR = {
    "svpn_k1_it1": {},
    "svpn_alpha0_3": {"power": 0.3, "steps": 2},
    "svpn_all_it4": {"count": None, "steps": 4},
    "svpn_k1_one": {"learn": False},
}


@pytest.mark.parametrize("case", SINGULAR)
def test_singular_power_equals_the_official_layer(case):
    fields = golden(f"gcp_opt/{case}")
    module = SingularPower(6, **SINGULAR[case]).double()
    if "weight" in fields:
        module.load_state_dict({"start": fields["weight"]})
    assert_equals_golden(module, fields)
    if "weight" in fields:
        torch.testing.assert_close(module.start.grad, fields["g_weight"], **TOLERANCE)


def test_the_triangle_of_the_singular_power_equals_the_official_layer():
    fields = golden("gcp_opt/svpn_k1_triu")
    assert_equals_golden(lambda a: functional.triangle(singular_power(a, fields["weight"])), fields)


def test_every_normalisation_of_dropcov_follows_the_covariance():
    fields = golden("gcp_opt/dropcov_eval_c16")
    for name in gcp_opt.after_drop:
        y = create_pool("dropcov", 16, normalize=name).double().eval()(fields["x"])
        assert y.isfinite().all()


def without_the_unused_third(weight, heads):
    """The official projection makes three chunks (3, heads, r, C), of which two are read."""
    return weight.unflatten(0, (3, -1))[:2].flatten(0, 1)


def test_crosscov_in_training_equals_the_official_pooling_under_its_masks(monkeypatch):
    fields = golden("gcp_opt/mhp_train_fixed_masks")
    pool = create_pool("crosscov", 12, heads=3, head_dim=4, center="head", normalize="none").double().train()
    pool.describe.load_state_dict({"project.weight": without_the_unused_third(fields["wr_weight"], 3)})
    masks = iter([fields["token_mask"].reshape(2, 3, 1, 9), fields["entry_mask"].reshape(2, 3, 4, 4)])
    monkeypatch.setattr("covpool.pooling.describe.drop_mask", lambda shape, rate, like: next(masks))
    assert_equals_golden(lambda x: pool(x.mT.unsqueeze(-1)), fields)
    ours = pool.describe.project.weight.grad
    torch.testing.assert_close(ours, without_the_unused_third(fields["g_wr_weight"], 3), **TOLERANCE)


def test_crosscov_in_evaluation_equals_the_representation_of_the_official_classifier():
    """The classifier reads [class token; vector of the other tokens]."""
    fields = golden("gcp_opt/classifier_MGCrP_concat")
    pool = create_pool("crosscov", 12, heads=3, head_dim=4, center="head", normalize="none").double().eval()
    pool.describe.load_state_dict({"project.weight": without_the_unused_third(fields["representation__wr__weight"], 3)})

    def classifier(x):
        vector = pool(x[:, 1:].mT.unsqueeze(-1))
        weight, bias = fields["visual_fc__weight"], fields["visual_fc__bias"]
        return torch.cat([x[:, 0], vector], 1) @ weight.T + bias

    assert_equals_golden(classifier, fields)


def test_centring_a_head_by_one_number_is_the_official_cross_covariance():
    fields = golden("gcp_opt/vit_cross_covariance")
    q, k = (fields[name].mT.clone().requires_grad_() for name in ("q", "k"))
    centred = [side - side.mean((-2, -1), keepdim=True) for side in (q, k)]
    y = functional.cross_covariance(*centred, center=False)
    torch.testing.assert_close(y, fields["y"], **TOLERANCE)
    y.backward(fields["gy"])
    torch.testing.assert_close(q.grad.mT, fields["gq"], **TOLERANCE)
    torch.testing.assert_close(k.grad.mT, fields["gk"], **TOLERANCE)
