import numpy as np
import pytest
import torch

from covpool.formats.protobuf import write_field
from covpool.formats.tensorflow import write_tensorflow
from covpool.models import create_network
from covpool.weights import export
from covpool.weights.files.importing import digests, import_file
from covpool.weights.files.write import write_arrays

NAME = "fast_mpncov/cifar-resnet20"


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    return create_network(NAME, num_classes=7)


@pytest.fixture(scope="module")
def variables(network):
    return export(network.state_dict(), NAME, "tensorflow")


def assert_same(state, network):
    expected = network.state_dict()
    assert state.keys() == expected.keys()
    for name, tensor in state.items():
        torch.testing.assert_close(tensor.float(), expected[name].float())


def test_a_list_of_variables_in_a_mat_file_is_imported(tmp_path, network, variables):
    state, ledger = import_file(write_arrays(variables, tmp_path / "best_model.mat"), NAME)
    assert_same(state, network)
    assert ledger.dialect == "tensorflow"


def test_a_checkpoint_is_imported_in_the_order_of_its_object_graph(tmp_path, network, variables):
    """Names that sort in another way than the network was made, and the graph that says so."""
    names = [f"model/{chr(122 - place % 26)}{place}" for place in range(len(variables))]
    keys = {f"{name}/.ATTRIBUTES/VARIABLE_VALUE": a.numpy() for name, a in zip(names, variables.values(), strict=True)}
    write_tensorflow({**keys, "save_counter/.ATTRIBUTES/VARIABLE_VALUE": np.int64(1)}, tmp_path / "ckpt-1", graph(keys))
    state, ledger = import_file(tmp_path / "ckpt-1.index", NAME)
    assert_same(state, network)
    assert ledger.dropped[-1] == "save_counter"


def graph(keys):
    """An object graph: the root, its model, and a variable below that for each key."""

    def node(children=(), key=None):
        inside = b"".join(write_field(1, write_field(1, n) + write_field(2, name)) for n, name in children)
        inside += write_field(2, write_field(1, b"VARIABLE_VALUE") + write_field(3, key.encode())) if key else b""
        return write_field(1, inside)

    children = [(2 + place, b"v%d" % place) for place in range(len(keys))]
    return node([(1, b"model")]) + node(children) + b"".join(node(key=key) for key in keys)


def test_digests_are_those_of_the_shell(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert digests(tmp_path / "a")["md5"] == "900150983cd24fb0d6963f7d28e17f72"
    assert digests(tmp_path / "a")["sha256"].startswith("ba7816bf")
