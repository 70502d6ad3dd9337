import json

import pytest
import torch

from covpool.evaluation.explain import explain, record
from covpool.models import create_network


def test_an_explanation_becomes_plain_data():
    network = create_network("conv4", "isqrt", num_classes=3, reduce_to=6)
    found = explain(network, torch.rand(3, 32, 32), 2, pairs=2)
    said = record(found, ["a", "b", "c"])
    assert json.loads(json.dumps(said)) == said
    assert said["class"] == "c"
    assert said["best"][0]["probability"] == pytest.approx(found.logits.softmax(0).max().item())
    assert sum(map(sum, said["map"])) == pytest.approx(said["total"] + said["error"])
    assert [sum(map(sum, pair["map"])) for pair in said["pairs"]] == pytest.approx([p["amount"] for p in said["pairs"]])
