"""Values and gradients of the official 3G-Net layers, in float64 and float32, and of the estimator they stand for."""

import functools

import pytest
import torch

from covpool import functional
from covpool.functional.statistics.gaussian import generalized_gaussian_scatter, generalized_gaussian_weights
from covpool.observe import observe
from covpool.pooling import create_pool
from covpool.pooling.reweight import PositionGate
from golden_files import assert_float32_is_close, golden, relative_error

TOLERANCE = {"rtol": 1e-8, "atol": 1e-10}
BATCH_NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")
LEARNED = ("weight", "bias")
BLOCKS = {  # ours -> the official convolution and its batch normalisation
    "left": ("map1", "bn1"),
    "right": ("map2", "bn2"),
    "skip": ("map21", "bn21"),
    "mix_left": ("map3", "bn3"),
    "mix_right": ("map4", "bn4"),
    "hidden": ("atmap1", "bnat1"),
}


def official_names(prefix=""):
    """Ours -> official, of the parameters of one gate."""
    names = {"score.weight": "atmap2.weight", "again.weight": "atmap3.weight"}
    for ours, (conv, norm) in BLOCKS.items():
        names[f"{ours}.conv.weight"] = f"{conv}.weight"
        names |= {f"{ours}.norm.{part}": f"{norm}.{part}" for part in LEARNED}
    return {new: prefix + old for new, old in names.items()}


def official_buffers(prefix=""):
    parts = ("running_mean", "running_var", "num_batches_tracked")
    return {f"{ours}.norm.{part}": f"{prefix}{norm}.{part}" for ours, (_, norm) in BLOCKS.items() for part in parts}


def load(gate, fields, mode, prefix=""):
    """The official parameters; the buffers too in evaluation, where the golden's are those that were used."""
    state = {new: fields[f"param/{old}"] for new, old in official_names(prefix).items()}
    if mode == "eval":
        state |= {new: fields[f"buffer_after/{old}"] for new, old in official_buffers(prefix).items()}
    gate.load_state_dict(state, strict=mode == "eval")


def assert_gradients_equal(gate, fields, prefix=""):
    for new, old in official_names(prefix).items():
        torch.testing.assert_close(gate.get_parameter(new).grad, fields[f"pgrad/{old}"], **TOLERANCE)


def upper_of_lower(dim):
    """Where the numbers of the official order, the lower triangle row by row, lie in ours."""
    rows, columns = torch.tril_indices(dim, dim)
    place = torch.empty(dim, dim, dtype=torch.long)
    place[tuple(torch.triu_indices(dim, dim))] = torch.arange(dim * (dim + 1) // 2)
    return place[columns, rows]


@pytest.mark.parametrize("mode", ["eval", "train"])
def test_a_gate_equals_the_official_block(mode):
    fields = golden(f"threeg/layer_atmp_{mode}")
    gate = PositionGate(8).double().train(mode == "train")
    load(gate, fields, mode)
    x, z = (fields[name].clone().requires_grad_() for name in ("x", "z"))
    weight = gate(x, z)
    torch.testing.assert_close(weight, fields["weight"], **TOLERANCE)
    out = weight * x
    torch.testing.assert_close(out, fields["out"], **TOLERANCE)
    out.backward(fields["grad_out"])
    torch.testing.assert_close(x.grad, fields["grad_x"], **TOLERANCE)
    torch.testing.assert_close(z.grad, fields["grad_z"], **TOLERANCE)
    assert_gradients_equal(gate, fields)
    gate = PositionGate(8).train(mode == "train")
    load(gate, fields, mode)
    inputs, gradients = ([fields[name] for name in names] for names in (("x", "z"), ("grad_x", "grad_z")))
    assert_float32_is_close(lambda x, z: gate(x, z) * x, inputs, fields["out"], fields["grad_out"], gradients)


@pytest.mark.parametrize("mode", ["eval", "train"])
def test_the_pool_equals_the_official_representation(mode):
    fields = golden(f"threeg/layer_3g_{mode}")
    pool = create_pool("threeg", 8).double().train(mode == "train")
    for position, gate in enumerate(pool.reweight.gates, start=1):
        load(gate, fields, mode, f"AtMp{position}.")
    x = fields["x"].clone().requires_grad_()
    with observe(pool, "reweight", "describe", "normalize") as seen:
        y = pool(x)
    order = upper_of_lower(8)
    torch.testing.assert_close(y[:, order], fields["out"], **TOLERANCE)
    for ours, theirs in {"reweight": "reweighted", "describe": "cov", "normalize": "sqrt"}.items():
        torch.testing.assert_close(seen[ours], fields[theirs], **TOLERANCE)
    y[:, order].backward(fields["grad_out"])
    torch.testing.assert_close(x.grad, fields["grad_x"], **TOLERANCE)
    for position, gate in enumerate(pool.reweight.gates, start=1):
        assert_gradients_equal(gate, fields, f"AtMp{position}.")


@pytest.mark.parametrize("mode", ["eval", "train"])
def test_the_pool_in_float32_stays_close_to_the_official_representation(mode):
    fields = golden(f"threeg/layer_3g_{mode}")
    pool = create_pool("threeg", 8).train(mode == "train")
    for position, gate in enumerate(pool.reweight.gates, start=1):
        load(gate, fields, mode, f"AtMp{position}.")
    outer = (fields["out"], fields["grad_out"], fields["grad_x"])
    assert_float32_is_close(lambda x: pool(x)[:, upper_of_lower(8)], fields["x"], *outer)


def test_the_covariance_equals_the_official_one():
    fields = golden("threeg/layer_cov")
    x = fields["x"].clone().requires_grad_()
    y = functional.covariance(x.flatten(2), ridge=1e-7)
    torch.testing.assert_close(y, fields["out"], **TOLERANCE)
    y.backward(fields["grad_out"])
    torch.testing.assert_close(x.grad, fields["grad_x"], **TOLERANCE)
    outer = (fields["out"], fields["grad_out"], fields["grad_x"])
    assert_float32_is_close(lambda x: functional.covariance(x.flatten(2), ridge=1e-7), fields["x"], *outer)


@pytest.mark.parametrize("steps", [1, 2, 3, 5, 7])
def test_the_root_equals_the_official_one(steps):
    """The official gradient is not symmetric; ours is its symmetric part, which is all that a covariance passes on."""
    fields = golden("threeg/layer_sqrt")
    x = fields["x"].clone().requires_grad_()
    y = functional.matrix_sqrt(x, steps=steps)
    torch.testing.assert_close(y, fields[f"out_{steps}"], **TOLERANCE)
    y.backward(fields["grad_out"])
    expected = fields[f"grad_x_{steps}"]
    torch.testing.assert_close(x.grad + x.grad.mT, expected + expected.mT, **TOLERANCE)
    single = functools.partial(functional.matrix_sqrt, steps=steps)
    assert_float32_is_close(single, fields["x"], fields[f"out_{steps}"], fields["grad_out"], x.grad)


def test_the_official_triangle_is_the_lower_one():
    fields = golden("threeg/layer_triu")
    torch.testing.assert_close(functional.triangle(fields["x"].mT)[:, upper_of_lower(4)], fields["out"])


@pytest.mark.parametrize("case", ["zero", "constant", "n_lt_d", "dead_channel"])
def test_hard_maps_give_what_the_official_layers_give(case):
    """``one_position`` is left out: the official answer is a constant, ours an error that says so."""
    fields = golden("threeg/layer_edge")
    pool = create_pool("threeg", 6).double().eval()
    pool.reweight = torch.nn.Identity()
    x = fields[f"{case}/x"].clone().requires_grad_()
    y = pool(x)[:, upper_of_lower(6)]
    torch.testing.assert_close(y, fields[f"{case}/out"], **TOLERANCE)
    y.backward(fields[f"{case}/grad_out"])
    torch.testing.assert_close(x.grad, fields[f"{case}/grad_x"], rtol=1e-8, atol=1e-8)
    flat = case in ("zero", "constant")  # whose gradient is zero: no relative error
    outer = (fields[f"{case}/out"], fields[f"{case}/grad_out"], None if flat else fields[f"{case}/grad_x"])
    assert_float32_is_close(lambda x: pool(x)[:, upper_of_lower(6)], fields[f"{case}/x"], *outer)


@pytest.mark.parametrize("theta", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("beta", [0.25, 0.5, 0.75, 1.0, 1.5])
def test_many_steps_reach_the_fixed_point_of_the_estimator(beta, theta):
    fields = golden("threeg/reference_irls_not_official")
    expected = fields[f"b{beta}_t{theta}/sigma"]
    steps = 100 if theta or beta > 0.25 else 200
    sigma = generalized_gaussian_scatter(fields["x"], beta=beta, theta=theta, steps=steps, center=False)
    torch.testing.assert_close(sigma, expected, rtol=1e-8, atol=1e-8 * expected.abs().max().item())
    weights = generalized_gaussian_weights(fields["x"], sigma, beta)
    torch.testing.assert_close(weights, fields[f"b{beta}_t{theta}/w"], rtol=1e-7, atol=1e-10)
    single = generalized_gaussian_scatter(fields["x"].float(), beta=beta, theta=theta, steps=steps, center=False)
    assert relative_error(single, expected) <= 1e-5
