import pytest
import torch

from analysis.tiny import batches, tiny
from covpool.analysis import MEASURES, NotFinite, Protocol, measure

QUICK = {
    "activation_distances": (0.1, 1.0, 3),
    "weight_distances": (0.05, 0.1, 2),
    "lanczos_steps": 4,
    "trace_samples": 2,
    "density_probes": 1,
    "slice_points": 3,
    "plane_points": 3,
    "examples": 4,
}


def test_every_measure_of_every_kind_of_pool_is_a_pure_function():
    for pool in ("avg", "isqrt"):
        protocol = Protocol(measures=tuple(MEASURES), **QUICK)
        found = measure(tiny(pool), batches(), protocol)
        torch.rand(3)
        assert found == measure(tiny(pool), batches(), protocol)
        assert set(found) == {"loss", *MEASURES}
        assert found["hessian"]["curvature"] == "double-backward"
        assert found["spectrum"]["pooled"] is None


def test_the_spectrum_of_a_reduced_map_stands_beside_that_of_the_features():
    found = measure(tiny("isqrt", reduce_to=2), batches(), Protocol(measures=("spectrum",)))["spectrum"]
    assert [found[place]["channels"] for place in ("features", "pooled")] == [3, 2]
    assert sum(found["pooled"]["shares"]) == pytest.approx(1)
    assert 1 <= found["pooled"]["effective_rank"] <= 2


def test_mistakes_are_named():
    with pytest.raises(ValueError, match="unknown measure 'hesian'; did you mean 'hessian'"):
        Protocol(measures=("hesian",))
    with pytest.raises(ValueError, match="unknown mode of measuring"):
        Protocol(mode="eval")
    network = tiny()
    with torch.no_grad():
        network.head.classifier.weight[0, 0] = float("nan")
    with pytest.raises(NotFinite):
        measure(network, batches())
