"""Values and gradients of the official layers of DropCov and its transformers, in float64 and float32."""

import copy
import functools

import pytest
import torch

from covpool import functional
from covpool.functional.drop import adaptive_drop_rate
from covpool.functional.roots.singular import singular_power
from covpool.pooling import create_pool
from covpool.pooling.normalize import Scale, SignedPower, SignedSqrt, SingularPower
from covpool.pooling.published import gcp_opt
from covpool.pooling.reweight import AdaptiveChannelDrop
from golden_files import assert_float32_is_close, golden

TOLERANCE = {"rtol": 1e-8, "atol": 1e-10}
SINGLE = {"rtol": 1e-5, "atol": 1e-7}


def assert_equals_golden(function, fields):
    """In float64 and, at the same inputs rounded, in float32."""
    single = copy.deepcopy(function).float() if isinstance(function, torch.nn.Module) else function
    assert_float32_is_close(single, fields["x"], fields["y"], fields["gy"], fields["gx"])
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
    drop = drop.float()
    values, upstream = ((fields[a], fields[b]) for a, b in (("out", "y"), ("g_out", "g_y")))
    both = lambda x: (x * (1 + drop.importance(x)[:, :, None, None]), drop.importance(x))  # noqa: E731
    assert_float32_is_close(both, fields["x"], values, upstream, fields["gx"])


@pytest.mark.parametrize("case", ["c16", "c64_p0", "c64_anticorrelated"])
def test_dropcov_in_training_equals_the_official_layer_under_its_mask(case, monkeypatch):
    fields = golden(f"gcp_opt/dropcov_train_{case}")
    pool, rates = create_pool("dropcov", fields["x"].shape[1]).double().train(), []
    pool.reweight.load_state_dict({"filter.weight": fields["conv_w"]})

    def recorded(shape, rate, like):
        rates.append(rate)
        kept = (fields["mask"] / (1 - rate)).reshape(shape) if rate > 0 else torch.ones(shape)
        return kept.to(like.dtype)

    monkeypatch.setattr("covpool.pooling.reweight.drop_mask", recorded)
    assert_equals_golden(pool, fields)
    torch.testing.assert_close(rates[-1], fields["p"], **TOLERANCE)
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


def test_the_attention_equals_that_of_the_mindspore_release():
    fields = golden("gcp_opt/ms_eca_layer")
    importance = channel_drop(fields).importance(fields["x"])
    torch.testing.assert_close(importance, fields["y"].flatten(1), **SINGLE)
    torch.testing.assert_close(fields["x"] * (1 + importance[:, :, None, None]), fields["out"], **SINGLE)


@pytest.mark.parametrize(
    ("case", "function"),
    [
        ("cnn_covariance", lambda x: functional.covariance(x.flatten(2))),
        ("cnn_covariance_nomean", lambda x: functional.second_moment(x.flatten(2))),
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


def test_the_cross_covariance_of_two_maps_equals_the_official_one():
    fields = golden("gcp_opt/cnn_covariance_cross")
    leaves = [fields[name].clone().requires_grad_() for name in "ab"]
    layer = lambda a, b: functional.cross_covariance(a.flatten(2), b.flatten(2))  # noqa: E731
    y = layer(*leaves)
    torch.testing.assert_close(y, fields["y"], **TOLERANCE)
    y.backward(fields["gy"])
    gradients = [fields["ga"], fields["gb"]]
    torch.testing.assert_close([leaf.grad for leaf in leaves], gradients, **TOLERANCE)
    assert_float32_is_close(layer, [fields["a"], fields["b"]], fields["y"], fields["gy"], gradients)


@pytest.mark.parametrize("steps", [1, 2, 3, 5])
def test_the_root_equals_the_official_one_and_the_transpose_of_its_gradient(steps):
    fields = golden(f"gcp_opt/mpn_sqrtm_iter{steps}")
    root = functools.partial(functional.matrix_sqrt, steps=steps, backend="plain")
    assert_equals_golden(root, {**fields, "gx": fields["gx"].mT})


@pytest.mark.parametrize("steps", [1, 3, 5])
def test_the_root_equals_that_of_the_mindspore_release(steps):
    """Float32 on both sides: measured 2e-7 in the values and 1e-6 in the gradients."""
    fields = {name: value.double() for name, value in golden(f"gcp_opt/ms_sqrtm_iter{steps}").items()}
    root = functools.partial(functional.matrix_sqrt, steps=steps, backend="plain")
    assert_float32_is_close(root, fields["x"], fields["y"], fields["gy"], fields["gx"].mT)


def test_the_covariance_equals_that_of_the_mindspore_release():
    fields = {name: value.double() for name, value in golden("gcp_opt/ms_covariance").items()}
    layer = lambda x: functional.covariance(x.flatten(2))  # noqa: E731
    assert_float32_is_close(layer, fields["x"], fields["y"], fields["gy"], fields["gx"])


@pytest.mark.parametrize(("case", "steps"), [("mpn_iter3", 3), ("mpn_iter5", 5)])
def test_newton_schulz_equals_the_official_root_in_the_symmetric_part_of_the_gradient(case, steps):
    """The whole official gradient is the transpose of the true one."""
    fields = golden(f"gcp_opt/{case}")
    x = fields["x"].clone().requires_grad_()
    y = functional.triangle(functional.matrix_sqrt(x, steps=steps))
    torch.testing.assert_close(y, fields["y"], **TOLERANCE)
    y.backward(fields["gy"])
    torch.testing.assert_close(x.grad + x.grad.mT, fields["gx"] + fields["gx"].mT, **TOLERANCE)
    single = lambda x: functional.triangle(functional.matrix_sqrt(x, steps=steps))  # noqa: E731
    assert_float32_is_close(single, fields["x"], fields["y"], fields["gy"], x.grad)


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
    assert_equals_golden(lambda a: functional.triangle(singular_power(a, fields["weight"].to(a.dtype))), fields)


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
    masks = {(2, 3, 1, 9): fields["token_mask"], (2, 3, 4, 4): fields["entry_mask"]}
    masked = lambda shape, rate, like: masks[tuple(shape)].reshape(shape).to(like.dtype)  # noqa: E731
    monkeypatch.setattr("covpool.pooling.describe.drop_mask", masked)
    single = copy.deepcopy(pool).float()
    assert_equals_golden(lambda x: (single if x.dtype == torch.float32 else pool)(x.mT.unsqueeze(-1)), fields)
    ours = pool.describe.project.weight.grad
    torch.testing.assert_close(ours, without_the_unused_third(fields["g_wr_weight"], 3), **TOLERANCE)


def test_crosscov_in_evaluation_equals_the_representation_of_the_official_classifier():
    """The classifier reads [class token; vector of the other tokens]."""
    fields = golden("gcp_opt/classifier_MGCrP_concat")
    pool = create_pool("crosscov", 12, heads=3, head_dim=4, center="head", normalize="none").double().eval()
    pool.describe.load_state_dict({"project.weight": without_the_unused_third(fields["representation__wr__weight"], 3)})

    def classifier(x):
        vector = copy.deepcopy(pool).to(x.dtype)(x[:, 1:].mT.unsqueeze(-1))
        weight, bias = (fields[f"visual_fc__{part}"].to(x.dtype) for part in ("weight", "bias"))
        return torch.cat([x[:, 0], vector], 1) @ weight.T + bias

    assert_equals_golden(classifier, fields)


def test_centring_a_head_by_one_number_is_the_official_cross_covariance():
    fields = golden("gcp_opt/vit_cross_covariance")

    def layer(q, k):
        centred = [side - side.mean((-2, -1), keepdim=True) for side in (q, k)]
        return functional.cross_covariance(*centred, center=False)

    q, k = (fields[name].mT.clone().requires_grad_() for name in ("q", "k"))
    y = layer(q, k)
    torch.testing.assert_close(y, fields["y"], **TOLERANCE)
    y.backward(fields["gy"])
    torch.testing.assert_close(q.grad.mT, fields["gq"], **TOLERANCE)
    torch.testing.assert_close(k.grad.mT, fields["gk"], **TOLERANCE)
    inputs, gradients = ([fields[name].mT for name in names] for names in (("q", "k"), ("gq", "gk")))
    assert_float32_is_close(layer, inputs, y, fields["gy"], gradients)
