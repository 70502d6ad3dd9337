import numpy as np
import pytest
import torch

from covpool.models import create_network
from covpool.weights import WeightsMismatch, convert, export
from covpool.weights.published.fast_mpncov_tensorflow import names

NETWORK = "fast_mpncov/cifar-resnet20"


@pytest.fixture(scope="module")
def variables():
    torch.manual_seed(0)
    state = create_network(NETWORK, num_classes=2).state_dict()
    arrays = export({name: torch.randn(t.shape) for name, t in state.items()}, NETWORK, "tensorflow")
    return [array.numpy() for array in arrays.values()]


@pytest.mark.parametrize(
    "model", ["cifar-resnet56", "cifar-resnet164", "cifar-preact-resnet110", "cifar-preact-resnet164-gavp", "vgg-d"]
)
def test_the_order_is_that_of_our_own_modules(model):
    name = f"fast_mpncov/{model}"
    with torch.device("meta"):
        state = create_network(name).state_dict()
    ours = [key for key in state if not key.endswith("num_batches_tracked") and not key.startswith("head.classifier")]
    assert [key for key in names(name) if key in state] == ours


def test_a_list_and_its_numbered_names_are_the_same(variables):
    listed, _ = convert(variables, NETWORK)
    named, _ = convert({str(index): array for index, array in enumerate(variables)}, NETWORK)
    assert all(torch.equal(listed[name], named[name]) for name in listed)


def test_kernels_are_transposed_and_vectors_are_not(variables):
    state, _ = convert(variables, NETWORK)
    assert np.array_equal(state["backbone.conv1.weight"].numpy(), variables[0].transpose(3, 2, 0, 1))
    assert np.array_equal(state["backbone.bn1.running_mean"].numpy(), variables[3])
    assert np.array_equal(state["head.classifier.weight"].numpy(), variables[-2].T)


@pytest.mark.parametrize("dtype", [np.float16, np.float64])
def test_vectors_that_a_mat_file_made_a_row_and_other_floats_are_read(variables, dtype):
    rows = [array[None].astype(dtype) if array.ndim == 1 else array.astype(dtype) for array in variables]
    state, _ = convert(rows, NETWORK)
    expected, _ = convert([array.astype(dtype) for array in variables], NETWORK)
    assert all(torch.equal(state[name], expected[name]) for name in expected)
    assert state["backbone.conv1.weight"].dtype == torch.float32


def test_a_variable_too_many_is_left_over(variables):
    with pytest.raises(WeightsMismatch):
        convert([*variables[:-2], variables[0], *variables[-2:]], NETWORK)


def test_the_width_of_the_reduction_is_read_from_the_list():
    state = create_network(NETWORK, num_classes=2, reduce_to=32).state_dict()
    _, ledger = convert(export(state, NETWORK, "tensorflow"), NETWORK)
    assert ledger.options == {"reduce_to": 32, "num_classes": 2, "hidden": []}


def test_a_bottleneck_network_without_reduction_is_told_from_one_with():
    name = "fast_mpncov/resnet50-gavp"
    with torch.device("meta"):
        state = create_network(name, num_classes=2).state_dict()
    _, ledger = convert(export(state, name, "tensorflow"), name)
    assert ledger.options["reduce_to"] is None


def test_a_network_that_the_release_does_not_have_is_refused():
    with pytest.raises(ValueError, match="not of the TensorFlow release"):
        names("fast_mpncov/vgg16-bcnn")
