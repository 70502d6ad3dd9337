"""Whole networks of Assemble-ResNet against the logits and pooled vectors of the official code, in float32."""

import json

import numpy as np
import pytest
import torch

from covpool.models import create_network
from covpool.models.published import published_networks
from covpool.weights import convert, export
from golden_files import GOLDEN, relative_error
from golden_recipe import draw, image

FOLDER = GOLDEN / "assembled" / "networks"
ABSOLUTE, RELATIVE = 1e-5, 5e-6  # the official float32 is 3e-6 from float64

# golden -> our network, and the golden that has its variables
QUICK = {
    "bl_r50": ("bl-resnet50", "bl_r50"),
    "r50d_odd": ("resnet50-d", "r50d"),
    "r50_flatten": ("resnet50-flatten", "r50_flatten"),
}
LONG = {
    "r50_aa_sconv5": ("resnet50-aa-sconv5", "r50_aa_sconv5"),
    "r50d_se": ("resnet50-d-se", "r50d_se"),
    "r50d_sk": ("resnet50-d-sk", "r50d_sk"),
    "r50d": ("resnet50-d", "r50d"),
    "vanilla_r50": ("resnet50", "vanilla_r50"),
    "assemble_r50": ("assemble-resnet50", "assemble_r50"),
    "assemble_r50_256": ("assemble-resnet50", "assemble_r50"),
}
CASES = [*QUICK, *(pytest.param(name, marks=pytest.mark.slow) for name in LONG)]


def shapes(name):
    return json.loads((FOLDER / f"{name}.keys.json").read_text())


def drawn(name):
    """The checkpoint, as the official code had it."""
    return {key: draw(key, tuple(shape), "hwio") for key, shape in shapes(name).items()}


def built(network, arrays):
    state, ledger = convert(arrays, network)
    net = create_network(network, **ledger.options).eval()
    net.load_state_dict(state, strict=True)
    return net, state


@pytest.mark.parametrize("name", CASES)
def test_a_network_gives_the_official_logits_and_its_file_comes_back_bit_by_bit(name):
    network, keys = {**QUICK, **LONG}[name]
    arrays = drawn(keys)
    net, state = built(f"assembled/{network}", arrays)
    with np.load(FOLDER / f"{name}.golden.npz") as golden:
        x = torch.from_numpy(image(str(golden["input_name"]), tuple(golden["input_shape"])))
        logits, pooled = torch.from_numpy(golden["logits"]), torch.from_numpy(golden["pooled"])
        assert sum(p.numel() for p in net.parameters()) == int(golden["trainable_params"])
    with torch.no_grad():
        features = net.forward_features(x)
        vector, scores = net.forward_head(features, pre_logits=True)[:, : pooled.shape[1]], net.forward_head(features)
    for found, expected in ((vector, pooled), (scores, logits)):
        assert (found - expected).abs().max() <= ABSOLUTE
        assert relative_error(found, expected) <= RELATIVE
    written = export(state, f"assembled/{network}", "tensorflow")
    assert list(written) == list(arrays)
    assert all(np.array_equal(written[key].numpy(), array) for key, array in arrays.items())


@pytest.mark.slow
def test_the_assembled_resnet152_gives_the_five_logits_that_are_known():
    """The specification of the port notes them; the rest of the golden is not here."""
    net, _ = built("assembled/assemble-resnet152", drawn("assemble_r152"))
    with torch.no_grad():
        scores = net(torch.from_numpy(image("assemble_r152_input", (1, 3, 128, 128))))
    known = torch.tensor([0.39000, -0.34045, -0.05063, 0.21588, 0.67974])
    torch.testing.assert_close(scores[0, :5], known, rtol=0, atol=2e-5)


@pytest.mark.parametrize(
    ("keys", "network", "embedding"),
    [
        ("assemble_r152", "assemble-resnet152", None),
        ("r50_aa_sconv_proj3", "resnet50-aa-sconv-proj3", None),
        ("bl_r50_d", "bl-resnet50-d", None),
        ("assemble_r50_nods_gem_emb", "assemble-resnet50-nods-gem-emb128", 128),
        ("r101_v2", "bl-resnet101-sk", None),
    ],
)
def test_every_variable_of_the_official_graph_has_its_place(keys, network, embedding):
    arrays = {key: torch.empty(shape, device="meta") for key, shape in shapes(keys).items()}
    state, ledger = convert(arrays, f"assembled/{network}")
    assert len(ledger.matched) == len(arrays)
    assert ledger.options == {"num_classes": 1001} | ({} if embedding is None else {"embedding": embedding})
    moving = sum(array.numel() for name, array in arrays.items() if "/moving_" in name)
    trained = sum(array.numel() for array in arrays.values()) - moving
    assert trained == published_networks.get(f"assembled/{network}").parameters
    assert list(export(state, f"assembled/{network}", "tensorflow")) == list(arrays)
