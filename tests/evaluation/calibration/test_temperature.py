import json

import numpy as np
import pytest
import torch
from scipy.optimize import minimize_scalar

from covpool.evaluation.calibration import fit_temperature, negative_log_likelihood, read_temperature


def drawn(seed=0, rows=400, classes=5):
    """Logits, and labels drawn from their softmax: the best temperature is near 1."""
    random = np.random.default_rng(seed)
    logits = 2 * random.standard_normal((rows, classes))
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return logits, np.array([random.choice(classes, p=p) for p in shares])


def test_the_temperature_is_the_least_of_the_likelihood():
    logits, labels = drawn()
    found = fit_temperature(3 * logits, labels)
    best = minimize_scalar(
        lambda t: negative_log_likelihood(3 * logits, labels, t),
        bounds=(0.1, 20),
        method="bounded",
        options={"xatol": 1e-9},
    )
    assert found.value == pytest.approx(best.x, abs=1e-5)
    assert found.value == pytest.approx(3, rel=0.1)
    assert not found.at_limit


@pytest.mark.parametrize("factor", [0.1, 4.0])
def test_scaled_logits_have_a_scaled_temperature(factor):
    logits, labels = drawn(1)
    assert fit_temperature(factor * logits, labels).value == pytest.approx(
        factor * fit_temperature(logits, labels).value, rel=1e-9
    )


def test_a_shift_of_a_row_changes_nothing_and_float32_tensors_are_read():
    logits, labels = drawn(2)
    shifted = torch.from_numpy(logits + np.arange(len(logits))[:, None]).float()
    assert fit_temperature(shifted, torch.from_numpy(labels)).value == pytest.approx(
        fit_temperature(logits, labels).value, rel=1e-4
    )


def test_limits_are_told():
    assert fit_temperature(np.array([[1.0, 0.0]]), np.array([0])) == (0.01, True)
    assert fit_temperature(np.array([[1.0, 0.0]]), np.array([1])) == (100.0, True)
    assert fit_temperature(np.zeros((3, 2)), np.array([0, 1, 0])) == (1.0, False)
    with pytest.raises(ValueError, match="finite"):
        fit_temperature(np.array([[np.nan, 0.0]]), np.array([0]))


@pytest.mark.parametrize(
    "content", ["[", "[1]", '{"temperature": 2}', '{"schema": "covpool-calibration/1", "temperature": 0}']
)
def test_a_file_without_a_temperature_is_refused(content, tmp_path):
    path = tmp_path / "t.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"t\.json"):
        read_temperature(path, {"sha256": "1"})


def test_a_temperature_of_other_weights_is_refused(tmp_path):
    path = tmp_path / "t.json"
    about = {"weights": {"file": "best.pt", "sha256": "1"}}
    path.write_text(json.dumps({"schema": "covpool-calibration/1", "temperature": 2.5, "about": about}))
    assert read_temperature(path, {"sha256": "1"}) == 2.5
    with pytest.raises(ValueError, match="other weights"):
        read_temperature(path, {"sha256": "2"})
