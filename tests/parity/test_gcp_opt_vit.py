"""Logits and pooled vectors of DropCov's official transformers, from their checkpoints through the importer."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from covpool.models import create_network
from covpool.weights import convert
from golden_files import GOLDEN
from golden_recipe import draw, image

TOLERANCE = 5e-6  # relative; float32 leaves 6e-7
NETWORKS = {
    "Deit_drop_Tiny": "gcp_opt/deit-drop-tiny",
    "Deit_drop_Small": "gcp_opt/deit-drop-small",
    "T2T_ViT_14": "gcp_opt/t2t-drop-14",
}


def rebuilt(folder: Path, name: str):
    keys = json.loads((folder / "keys.json").read_text())
    state, ledger = convert({key: draw(key, tuple(shape)) for key, shape in keys.items()}, name)
    network = create_network(name, **ledger.options).eval()
    network.load_state_dict(state, strict=True)
    return network


def assert_close(found, expected):
    found = found.double().numpy()
    assert np.linalg.norm(found - expected) <= TOLERANCE * np.linalg.norm(expected)
    assert np.abs(found - expected).max() <= TOLERANCE * np.abs(expected).max()


@pytest.mark.parametrize(
    "case", ["Deit_drop_Tiny", *(pytest.param(case, marks=pytest.mark.slow) for case in list(NETWORKS)[1:])]
)
def test_logits_and_pooled_vector_equal_the_official_ones(case):
    folder = GOLDEN / "gcp_opt" / case
    network = rebuilt(folder, NETWORKS[case])
    with np.load(folder / "golden.npz") as file:
        fields = {key: file[key] for key in file.files}
    x = torch.from_numpy(image(str(fields["input_name"]), tuple(fields["input_shape"])))
    with torch.no_grad():
        features = network.features(x)
        pooled = network.forward_head(features, pre_logits=True)
        logits = network.forward_head(features)
        response = pooled @ network.head.classifier.weight.T
    assert_close(logits, fields["logits"])
    assert_close(pooled[0, :4096], fields["pooled"])
    assert_close(response, fields["fc_response"])


@pytest.mark.slow
def test_the_largest_network_is_filled_from_its_checkpoint_and_runs():
    """Its official logits are not among the golden values."""
    network = rebuilt(GOLDEN / "gcp_opt" / "Deit_drop_Base", "gcp_opt/deit-drop-base")
    with torch.no_grad():
        logits = network(torch.from_numpy(image("gcpopt_Deit_drop_Base", (1, 3, 224, 224))))
    assert logits.shape == (1, 1000)
    assert logits.std() > 0.5
