"""Values and gradients of the official fast MPN-COV layers, in float64 to 1e-8 and in float32 to 1e-5."""

import copy
import functools

import pytest
import torch

from covpool import functional
from covpool.pooling import create_pool
from golden_files import assert_float32_is_close, golden, relative_error

TOLERANCE = {"rtol": 1e-8, "atol": 1e-10}


def value_and_gradient(function, x, grad_out):
    x = x.clone().requires_grad_()
    y = function(x)
    y.backward(grad_out.reshape(y.shape))
    return y.detach(), x.grad


def assert_equals_golden(function, fields, suffix=""):
    """In float64 and, at the same inputs rounded, in float32."""
    single = copy.deepcopy(function).float() if isinstance(function, torch.nn.Module) else function
    outer = (fields["y" + suffix], fields["grad_out"], fields["grad_in" + suffix])
    assert_float32_is_close(single, fields["x" + suffix], *outer)
    y, grad = value_and_gradient(function, fields["x" + suffix], fields["grad_out"])
    torch.testing.assert_close(y.flatten(), fields["y" + suffix].flatten(), **TOLERANCE)
    torch.testing.assert_close(grad, fields["grad_in" + suffix], **TOLERANCE)


def test_covariance_equals_the_official_layer():
    assert_equals_golden(lambda x: functional.covariance(x.flatten(2)), golden("fast_mpncov/layer_covpool"))


@pytest.mark.parametrize("steps", [1, 2, 3, 5, 7])
def test_matrix_sqrt_equals_the_official_root_and_the_transpose_of_its_gradient(steps):
    fields = golden("fast_mpncov/layer_sqrtm")
    y, grad = value_and_gradient(
        lambda a: functional.matrix_sqrt(a, steps=steps, backend="plain"), fields["x"], fields["grad_out"]
    )
    torch.testing.assert_close(y, fields[f"y_iter{steps}"], **TOLERANCE)
    torch.testing.assert_close(grad, fields[f"grad_in_iter{steps}"].mT, **TOLERANCE)
    plain = functools.partial(functional.matrix_sqrt, steps=steps, backend="plain")
    assert_float32_is_close(plain, fields["x"], y, fields["grad_out"], grad)


@pytest.mark.parametrize("backend", ["iteration", "spectral"])
@pytest.mark.parametrize("steps", [1, 2, 3, 5, 7])
def test_the_fast_roots_equal_the_official_one_and_the_symmetric_part_of_its_gradient(steps, backend):
    fields = golden("fast_mpncov/layer_sqrtm")
    root = functools.partial(functional.matrix_sqrt, steps=steps, backend=backend)
    y, grad = value_and_gradient(root, fields["x"], fields["grad_out"])
    official = fields[f"grad_in_iter{steps}"]
    torch.testing.assert_close(y, fields[f"y_iter{steps}"], **TOLERANCE)
    torch.testing.assert_close(grad, (official + official.mT) / 2, **TOLERANCE)
    assert_float32_is_close(root, fields["x"], y, fields["grad_out"], grad)


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_matrix_sqrt_gradient_equals_the_tensorflow_release(steps):
    fields = golden("fast_mpncov/layer_sqrtm")
    expected = golden("fast_mpncov/tf_layers_float64")[f"sqrtm_grad_in_iter{steps}"]
    _, grad = value_and_gradient(
        lambda a: functional.matrix_sqrt(a, steps=steps, backend="plain"), fields["x"], fields["grad_out"]
    )
    torch.testing.assert_close(grad, expected, **TOLERANCE)


def test_triangle_equals_the_official_order_and_the_legacy_one_is_a_permutation():
    assert_equals_golden(functional.triangle, golden("fast_mpncov/layer_triuvec"))
    legacy = golden("fast_mpncov/layer_triuvec_legacy")
    current = functional.triangle(legacy["x"])
    torch.testing.assert_close(current, legacy["y_current"])
    torch.testing.assert_close(current[:, legacy["perm_legacy_from_current"]], legacy["y_legacy"])


@pytest.mark.parametrize("backend", ["auto", "plain", "iteration", "spectral"])
@pytest.mark.parametrize("steps", [1, 5])
def test_isqrt_equals_the_official_meta_layer(steps, backend):
    pool = create_pool("isqrt", 6, steps=steps, backend=backend)
    assert_equals_golden(pool, golden(f"fast_mpncov/layer_mpncov_iter{steps}"))


def test_covariance_pool_equals_the_official_layer_without_root():
    assert_equals_golden(create_pool("covariance", 6), golden("fast_mpncov/layer_mpncov_nosqrt"))


def test_normalize_slot_equals_the_official_layer_without_triangle():
    pool = create_pool("isqrt", 6)
    assert_equals_golden(
        lambda x: pool.normalize(pool.describe(x.flatten(2))), golden("fast_mpncov/layer_mpncov_novec")
    )


@pytest.mark.parametrize("mode", ["eval", "train"])
def test_isqrt_with_reduction_equals_the_official_layer(mode):
    fields = golden(f"fast_mpncov/layer_mpncov_dr4_{mode}")
    pool = create_pool("isqrt", 6, reduce_to=4).double().train(mode == "train")
    ours = {"0.weight": "conv.weight", **{f"1.{name}": f"norm.{name}" for name in BATCH_NORM}}
    state = {new: fields[f"param/conv_dr_block.{old}"] for old, new in ours.items()}
    pool.reduce.load_state_dict(state)
    assert_equals_golden(pool, fields)
    for old, new in ours.items():
        if f"pgrad/conv_dr_block.{old}" in fields:
            gradient = pool.reduce.get_parameter(new).grad
            torch.testing.assert_close(gradient, fields[f"pgrad/conv_dr_block.{old}"], **TOLERANCE)


BATCH_NORM = ("weight", "bias", "running_mean", "running_var", "num_batches_tracked")


@pytest.mark.parametrize("suffix", ["", "_dead", "_signed"])
def test_bilinear_equals_the_official_bcnn(suffix):
    assert_equals_golden(create_pool("bilinear", 6), golden("fast_mpncov/layer_bcnn"), suffix)


@pytest.mark.parametrize("power", [0.5, 0.3, 1.0])
def test_mpncov_eig_equals_the_port_of_the_matlab_layer(power):
    fields = golden("fast_mpncov/ref_mpncov_eig_numpy_port")
    rows, columns = torch.triu_indices(5, 5)
    by_columns = torch.argsort(columns * 5 + rows, stable=True)
    pool, expected = create_pool("mpncov-eig", 5, power=power), fields[f"y_alpha{power}"]
    torch.testing.assert_close(pool(fields["x"])[:, by_columns], expected, **TOLERANCE)
    assert relative_error(pool(fields["x"].float())[:, by_columns], expected) <= 1e-5


def test_the_hashes_of_compact_bilinear_pooling_are_the_official_ones():
    fields = golden("fast_mpncov/cbp_default_hashes")
    for dim in (256, 512, 2048):
        describe = create_pool("cbp", dim).describe
        for row in (0, 1):
            assert torch.equal(describe.bins[row], fields[f"h{row + 1}_{dim}"].long())
            assert torch.equal(describe.signs[row], fields[f"s{row + 1}_{dim}"].long())


def test_compact_bilinear_pooling_equals_the_official_layer():
    fields = golden("fast_mpncov/layer_cbp")
    pool = create_pool("cbp", 8, width=16)
    for row in (0, 1):
        assert torch.equal(pool.describe.bins[row], fields[f"h{row + 1}"])
        assert torch.equal(pool.describe.signs[row], fields[f"s{row + 1}"].long())
    sketch = pool.describe(fields["x"].flatten(2))
    torch.testing.assert_close(sketch, fields["pre_signed_sqrt"], **TOLERANCE)
    assert_equals_golden(pool, fields)


def test_compact_bilinear_pooling_equals_the_tensorflow_layer():
    """Its own hashes, channels last. The golden is float32 itself, and a root near zero: its gradient is 1.4e-5 off."""
    fields = {name: value.double() for name, value in golden("fast_mpncov/tf_layer_cbp_float32").items()}
    pool = create_pool("cbp", 8, width=int(fields["proj_dim"]))
    for name, ours in (("h", pool.describe.bins), ("s", pool.describe.signs)):
        ours.copy_(torch.stack([fields[f"{name}1"], fields[f"{name}2"]]))
    layer = lambda x: pool(x.permute(0, 3, 1, 2))  # noqa: E731
    assert_float32_is_close(layer, fields["x"], fields["y"], fields["grad_out"], fields["grad_in"], limit=2e-5)
