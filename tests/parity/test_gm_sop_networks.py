"""The networks of GM-SOP against what the official MATLAB code says for weights that are drawn by name."""

import numpy as np
import pytest
import torch
from torch import nn

from covpool import create_network
from covpool.functional.gating import balance_loss, gate_scores, top_k_weights
from covpool.observe import observe
from covpool.weights import convert, export
from covpool.weights.published.triangles import upper_to_lower
from golden_files import GOLDEN, relative_error
from golden_recipe import image
from parity.matconvnet_recipe import official_parameters, official_shapes

FIRST = 4096  # entries of a long vector that a golden keeps
FOLDERS = {
    "gm_sop/resnet18": "ResNet18-GAP",
    "gm_sop/resnet18-sr-sop": "ResNet18-SR-SOP",
    "gm_sop/resnet18-gm-gap": "ResNet18-GM-GAP",
    "gm_sop/resnet18-gm-sop": "ResNet18-GM-SOP",
    "gm_sop/wrn36-gm-gap": "WRN-36-2-GM-GAP",
    "gm_sop/wrn36-gm-sop": "WRN-36-2-GM-SOP",
}
JUDGED = [name for name, folder in FOLDERS.items() if (GOLDEN / f"gm_sop/{folder}/golden.npz").is_file()]


def fields(name, file="golden"):
    with np.load(GOLDEN / f"gm_sop/{FOLDERS[name]}/{file}.npz") as content:
        return dict(content)


def build(name, dtype=torch.float32):
    state, ledger = convert(official_parameters(FOLDERS[name]), name)
    network = create_network(name, **ledger.options).to(dtype).eval()
    network.load_state_dict(state)
    return network


def images(dtype=torch.float32):
    return torch.from_numpy(image("gmsop.input", (2, 3, 64, 64))).to(dtype)


def apart(found, expected):
    return relative_error(found, torch.from_numpy(expected))


def official(vector, name):
    return (upper_to_lower(vector) if name.endswith("-sop") else vector)[:, :FIRST]


@pytest.mark.parametrize("name", JUDGED)
def test_logits_vectors_and_maps_are_those_of_the_official_network(name):
    network, expected = build(name), fields(name)
    mixed = "H" in expected
    watched = ("head.pool.gate", "head.pool.normalize", "head.pool.gate.pool") if mixed else ()
    with torch.no_grad(), observe(network, "backbone.layer4", "head.pool", *watched) as seen:
        logits = network(images()) if mixed else network.forward_head(network.forward_features(images()))
    map_ = seen["backbone.layer4"]
    assert (*map_.shape[2:], *map_.shape[1::-1]) == tuple(expected["feat_shape_hwcn"])
    assert apart(map_.mean((2, 3)), expected["feat_mean"]) < 1e-6
    assert apart(map_[:, :, :2, :3], expected["feat_corner"]) < 1e-6
    assert apart(logits, expected["logits"]) < 1e-5
    vector = expected["after_fusion_bn"] if mixed else expected["pooled"]
    assert apart(official(seen["head.pool"], name), vector) < 1e-5
    if mixed:
        assert np.array_equal(seen["head.pool.gate"].numpy() > 0, expected["gate_selected"])
        assert apart(seen["head.pool.gate"], expected["gate_weights"]) < 1e-5
        assert apart(len(map_) * balance_loss(seen["head.pool.gate"]), expected["balance_loss"]) < 1e-5


@pytest.mark.parametrize("name", FOLDERS)
def test_the_official_parameters_come_back(name):
    """Bit by bit, but for the deviations, which pass through a variance."""
    given = official_parameters(FOLDERS[name])
    back = export(convert(given, name)[0], name, "matconvnet")
    assert list(back) == list(given)
    for key, array in given.items():
        found = back[key].numpy()
        assert found.shape == array.shape
        if key.endswith("_bn_m"):
            np.testing.assert_allclose(found[:, 1], array[:, 1], rtol=1e-6, atol=0)
            found, array = found[:, 0], array[:, 0]
        assert np.array_equal(found, array), key


@pytest.mark.parametrize("name", FOLDERS)
def test_every_official_parameter_is_counted_by_its_card(name):
    shapes = official_shapes(FOLDERS[name])
    learned = sum(int(np.prod(shape)) for key, shape in shapes.items() if not key.endswith("_bn_m"))
    with torch.device("meta"):
        network = create_network(name)
    assert sum(parameter.numel() for parameter in network.parameters()) == learned


class WithNoise(nn.Module):
    """A gate whose noise is given, one number an image, instead of drawn."""

    def __init__(self, gate, noise):
        super().__init__()
        self.gate, self.noise = gate, noise

    def forward(self, x):
        seen = self.gate.pool(self.gate.features(x))
        scores = gate_scores(seen, self.gate.weight, self.gate.noise_weight, self.noise)
        return top_k_weights(scores, self.gate.active)


@pytest.fixture(scope="module")
def step():
    """One step of training in float64: the network with its gradients, what it gave, and what the official one gave."""
    name = "gm_sop/resnet18-gm-sop"
    expected = fields(name, "train_step")
    network = build(name, torch.float64).train()
    network.head.drop.p = 0.0
    mixture = network.head.pool
    mixture.gate = WithNoise(mixture.gate, torch.from_numpy(expected["gamma"]))
    with observe(network, "head.pool.gate") as seen:
        logits = network(images(torch.float64))
    objective = nn.functional.cross_entropy(logits, torch.tensor([2, 6]), reduction="sum")
    balance = len(logits) * balance_loss(seen["head.pool.gate"])
    (objective + balance).backward()
    gradients = {path.replace(".gate.gate.", ".gate."): p.grad for path, p in network.named_parameters()}
    found = {"logits": logits, "objective": objective, "balance_loss": balance, "gate_weights": seen["head.pool.gate"]}
    return found, gradients, expected


def test_a_step_of_training_gives_the_official_objective_and_gate(step):
    found, _, expected = step
    for key, value in found.items():
        assert apart(value, expected[key]) < 1e-8, key


def test_a_step_of_training_gives_the_official_gradients(step):
    """The moments of batch normalisation, whose derivatives are the batch's own moments there, are left out."""
    _, gradients, expected = step
    back = export(gradients, "gm_sop/resnet18-gm-sop", "matconvnet")
    norms = dict(zip(expected["norm_names"].tolist(), expected["norm_values"], strict=True))
    noise = 1e-12 * np.nanmax(list(norms.values()))  # the bias before a batch norm has no gradient but rounding
    learned = [key for key in norms if not key.endswith("_bn_m")]
    assert learned == list(back)
    for key in learned:
        norm = np.nan_to_num(norms[key])  # NaN: no image chose the candidate
        assert back[key].norm().item() == pytest.approx(norm, rel=1e-8, abs=noise), key
        if f"grad:{key}" in expected and norm > noise:
            entries = expected[f"grad:{key}"]
            found = back[key].numpy().flatten(order="F")[: entries.size]
            np.testing.assert_allclose(found, entries.flatten(order="F"), rtol=1e-6, atol=1e-9 * norm, err_msg=key)
