"""The networks of 3G-Net against what the official code says for weights that are drawn by name."""

import json

import numpy as np
import pytest
import torch

from covpool import create_network
from covpool.observe import observe
from covpool.weights import convert, export
from covpool.weights.published.threeg import MODULES, PREFIX
from covpool.weights.published.triangles import upper_to_lower
from golden_files import GOLDEN, relative_error
from golden_recipe import draw, image

FIRST = 4096  # entries of the official vector that the golden keeps


def keys(name):
    return json.loads((GOLDEN / f"threeg/{name}.keys.json").read_text(encoding="utf-8"))


def with_gain(name, array):
    """The file with which logits depend on the image: convolutions times 1.3, the classifier times 256."""
    factor = 256 if name == "module.fc.weight" else 1.3 if array.ndim == 4 else 1
    return array * np.float32(factor) if array.ndim else array


@pytest.fixture(scope="module")
def arrays():
    shapes = keys("resnet50_3g_imagenet")
    return {name: with_gain(name, draw(name, tuple(shape))) for name, shape in shapes.items()}


@pytest.fixture(scope="module")
def state(arrays):
    return convert(arrays, "threeg/resnet50")[0]


@pytest.fixture(scope="module")
def fields():
    with np.load(GOLDEN / "threeg/resnet50_3g_imagenet_gain.golden.npz") as file:
        return dict(file)


def build(state, dtype=torch.float32):
    network = create_network("threeg/resnet50").to(dtype).eval()
    network.load_state_dict(state)
    return network


def images(size, dtype=torch.float32):
    return torch.from_numpy(image(f"threeg-{size}", (2, 3, size, size))).to(dtype)


def apart(found, expected):
    return relative_error(found, torch.from_numpy(expected))


@pytest.mark.parametrize("size", [96, pytest.param(224, marks=pytest.mark.slow)])
def test_logits_vectors_and_gates_are_those_of_the_official_network(state, fields, size):
    network = build(state)
    gates = [f"head.pool.reweight.gates.{index}" for index in range(3)]
    with torch.no_grad(), observe(network, *gates, "head.pool") as seen:
        logits = network(images(size))
    assert apart(logits, fields[f"i{size}/logits"]) < 1e-5
    assert apart(upper_to_lower(seen["head.pool"])[:, :FIRST], fields[f"i{size}/rep_first4096"]) < 1e-5
    for number, gate in enumerate(gates, start=1):
        assert apart(seen[gate], fields[f"i{size}/weight{number}"]) < 1e-5


@pytest.mark.slow
def test_values_and_gradients_in_float64_are_the_official_ones(state, fields):
    network = build(state, torch.float64)
    x = images(96, torch.float64).requires_grad_()
    with observe(network, "head.pool") as seen:
        logits = network(x)
    loss = torch.nn.functional.cross_entropy(logits, torch.tensor([3, 7]))
    loss.backward()
    assert apart(logits, fields["i96_f64/logits"]) < 1e-10
    assert apart(upper_to_lower(seen["head.pool"])[:, :FIRST], fields["i96_f64/rep_first4096"]) < 1e-10
    assert apart(loss, fields["i96_f64/loss"]) < 1e-10
    assert apart(x.grad[:, :, ::4, ::4], fields["i96_f64/grad_input_sub"]) < 1e-9
    gradients = {theirs(name): parameter.grad for name, parameter in network.named_parameters()}
    norms = [gradients[name].norm() for name in fields["i96_f64/grad_norm_names"].tolist()]
    assert len(norms) == len(gradients)
    np.testing.assert_allclose(norms, fields["i96_f64/grad_norms"], rtol=1e-9, atol=1e-12)
    assert apart(gradients["module.conv1.weight"][:4], fields["i96_f64/grad_conv1.weight_4"]) < 1e-9
    corner = gradients["module.AtMp1.map1.weight"][:8, :8, 0, 0]
    assert apart(corner, fields["i96_f64/grad_AtMp1.map1.weight_8x8"]) < 1e-9


def theirs(name):
    """The official name of one of our parameters."""
    module = next(module for module, ours in MODULES.items() if name.startswith(f"{ours}."))
    return PREFIX + module + name.removeprefix(MODULES[module])


def test_the_official_file_comes_back_bit_by_bit_and_in_its_order(arrays, state):
    back = export(state, "threeg/resnet50", "pytorch")
    assert list(back) == list(arrays)
    assert all(torch.equal(back[name], torch.from_numpy(array)) for name, array in arrays.items())


def test_the_file_of_places365_fits_by_its_shapes():
    shapes = keys("resnet50_3g_places365")
    file = {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}
    state, ledger = convert(file, "threeg/resnet50-places365")
    assert ledger.options == {"num_classes": 365}
    back = export(state, "threeg/resnet50-places365", "pytorch")
    assert {name: list(array.shape) for name, array in back.items()} == shapes
