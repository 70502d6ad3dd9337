import logging

import numpy as np
import pytest
import torch

from covpool import create_network
from covpool.models import skeleton
from covpool.weights import WeightsMismatch, convert, export, find_dialect
from golden_recipe import draw

NETWORK = "gm_sop/resnet18-gm-gap"


def parameters(name=NETWORK, **options):
    """A file of the release, from a state dict of ours drawn by name; variances are positive as they should be."""
    shapes = skeleton(name, **options)
    state = {key: torch.from_numpy(np.asarray(draw(key, shape))).abs() for key, shape in shapes.items()}
    return export(state, name, "matconvnet")


@pytest.fixture(scope="module")
def file():
    return {name: array.numpy() for name, array in parameters(num_classes=5).items()}


def without_trailing_ones(array):
    while array.ndim and array.shape[-1] == 1:
        array = array[..., 0]
    return array


@pytest.mark.parametrize("drop", [without_trailing_ones, np.squeeze])
def test_arrays_without_their_dimensions_of_one_give_the_same_network(file, drop):
    whole, ledger = convert(file, NETWORK)
    dropped, other = convert({name: drop(array) for name, array in file.items()}, NETWORK)
    assert ledger.options == other.options
    assert all(torch.equal(array, dropped[name]) for name, array in whole.items())


def test_one_class_is_read_though_matlab_drops_its_dimension():
    file = parameters("gm_sop/resnet18", num_classes=1)
    assert tuple(file["prediction_f"].shape) == (1, 1, 128, 1)
    state, ledger = convert(
        {name: without_trailing_ones(array.numpy()) for name, array in file.items()}, "gm_sop/resnet18"
    )
    assert ledger.options == {"num_classes": 1}
    assert state["head.classifier.weight"].shape == (1, 128)


def test_layouts_are_turned_to_ours(file):
    state, _ = convert(file, NETWORK)
    assert torch.equal(state["backbone.conv1.weight"][7, 2, 0, 1], torch.tensor(file["conv1_f"][0, 1, 2, 7]))
    assert torch.equal(state["head.pool.candidates.weights.0"][11, 3, 5], torch.tensor(file["CM_12_a_f"][0, 0, 5, 3]))
    assert torch.equal(state["head.pool.gate.weight"][9, 4], torch.tensor(file["gating_w"][9, 4]))
    assert torch.equal(state["head.classifier.weight"][2, 8], torch.tensor(file["prediction_f"][0, 0, 8, 2]))


def test_the_stored_deviation_is_what_a_batch_norm_divides_by(file):
    state, _ = convert(file, NETWORK)
    divisor = (state["backbone.bn1.running_var"].double() + 1e-5).sqrt()
    np.testing.assert_allclose(divisor, file["conv1_bn_m"][:, 1], rtol=1e-6)
    assert np.array_equal(state["backbone.bn1.running_mean"], file["conv1_bn_m"][:, 0])


def test_a_deviation_below_the_root_of_eps_becomes_the_variance_zero(file):
    moments = np.stack([file["conv1_bn_m"][:, 0], np.full(16, 1e-3, np.float32)], axis=1)
    state, _ = convert({**file, "conv1_bn_m": moments}, NETWORK)
    assert (state["backbone.bn1.running_var"] == 0).all()


def test_widths_and_candidates_are_those_of_the_file(caplog):
    mixture = {"candidates": 4, "active": 2, "hidden": 24, "gate": [40, 16]}
    name = "gm_sop/resnet18-gm-sop"
    arrays = parameters(name, num_classes=3, reduce_to=16, pool_options=mixture)
    with caplog.at_level(logging.WARNING, "covpool"):
        state, ledger = convert(arrays, name)
    assert ledger.options == {"num_classes": 3, "reduce_to": 16, "pool_options": mixture | {"active": 4}}
    assert "4 candidates" in caplog.text
    assert "active" in caplog.text
    network = create_network(name, **ledger.options)
    network.load_state_dict(state)
    back = export(network.state_dict(), name, "matconvnet")
    assert list(back) == list(arrays)
    assert torch.equal(back["gating_w"], arrays["gating_w"])
    assert torch.equal(back["CM_3_b_f"], arrays["CM_3_b_f"])


def test_rows_and_columns_of_a_vector_are_turned_to_our_triangle():
    name = "gm_sop/resnet18-gm-sop"
    options = {"num_classes": 2, "reduce_to": 3, "pool_options": {"hidden": 4, "gate": [4, 3]}}
    state = {key: torch.zeros(shape) for key, shape in skeleton(name, **options).items()}
    upper, by_columns = torch.tensor([11.0, 12, 13, 22, 23, 33]), [11, 12, 22, 13, 23, 33]
    state["head.pool.normalize.bias"] = state["head.pool.normalize.running_mean"] = upper
    state["head.classifier.weight"][1] = upper
    state["head.pool.gate.weight"][:, 4] = upper
    file = export(state, name, "matconvnet")
    assert file["fusion_bn_bn_b"].flatten().tolist() == by_columns
    assert file["fusion_bn_bn_m"][:, 0].tolist() == by_columns
    assert file["prediction_f"][0, 0, :, 1].tolist() == by_columns
    assert file["gating_w"][:, 4].tolist() == by_columns
    back, _ = convert(file, name)
    assert all(torch.equal(back[key], array) for key, array in state.items() if not key.endswith("running_var"))


def test_a_missing_candidate_is_an_error_that_names_the_others(file):
    arrays = {name: array for name, array in file.items() if name != "CM_3_a_f"}
    with pytest.raises(WeightsMismatch) as error:
        convert(arrays, NETWORK)
    assert "CM_16_a_f" in error.value.ledger.unmatched
    assert "head.pool.candidates.weights.0" in error.value.ledger.unfilled


@pytest.mark.parametrize("key", ["conv1_f", "conv1_bn_m", "gating1_f", "CM_1_a_f", "prediction_f"])
@pytest.mark.parametrize(
    "shape", [(2, 3, 4), *(pytest.param(s, marks=pytest.mark.slow) for s in ((), (0,), (3,), (2,) * 5))]
)
def test_an_array_of_a_wrong_shape_is_a_mismatch_and_nothing_else(file, key, shape):
    with pytest.raises(ValueError, match=r"do not fit|classes|channels|mixture|positive"):
        convert({**file, key: np.zeros(shape, np.float32)}, NETWORK)


def test_a_file_of_another_system_is_told_apart():
    with pytest.raises(ValueError, match="none of the layouts"):
        find_dialect({"module.conv1.weight": torch.zeros(1)}, NETWORK)
