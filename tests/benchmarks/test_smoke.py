"""Every benchmark runs from end to end on tiny sizes, and writes nothing then."""

import importlib
import sys

import pytest

from house.tree import ROOT

sys.path.insert(0, str(ROOT / "benchmarks"))
import harness
import sketch_memory
import tables

BENCHMARKS = ["roots", "accuracy_vs_steps", "mixture_cost", "sketch_memory", "data_loaders", "corruptions", "soak"]


@pytest.fixture
def nothing_written(monkeypatch, tmp_path):
    monkeypatch.setattr(harness, "RESULTS", tmp_path / "results")
    yield
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_benchmark_runs(name, monkeypatch, capsys, nothing_written):
    monkeypatch.setattr(sys, "argv", [name, "--smoke"])
    importlib.import_module(name).main()
    assert capsys.readouterr().out


@pytest.mark.slow
def test_the_memory_of_two_ranks_is_measured(monkeypatch, capsys, nothing_written):
    """Eight interpreters start."""
    monkeypatch.setattr(sys, "argv", ["data_memory", "--smoke"])
    importlib.import_module("data_memory").main()
    assert capsys.readouterr().out.count("'ratio': ") == 2


@pytest.mark.slow
def test_trainings_in_one_process_and_in_two_are_measured(monkeypatch, capsys, nothing_written):
    """Three trainings in interpreters of their own, channels last, ddp and fsdp."""
    monkeypatch.setattr(sys, "argv", ["one_node", "--smoke"])
    importlib.import_module("one_node").main()
    said = capsys.readouterr().out
    assert (said.count("'what': 'training'"), said.count("'what': 'messages'")) == (3, 1)


@pytest.mark.slow
def test_networks_are_trained_and_measured(monkeypatch, capsys, nothing_written):
    monkeypatch.setattr(sys, "argv", ["landscape", "--smoke"])
    importlib.import_module("landscape").main()
    assert capsys.readouterr().out.count("'top_eigenvalue': ") == 4


@pytest.mark.slow
def test_a_training_step_is_measured_beside_average_pooling_and_the_released_layer(
    monkeypatch, capsys, nothing_written
):
    """Six ResNets and two trainings."""
    monkeypatch.setattr(sys, "argv", ["training_step", "--smoke"])
    importlib.import_module("training_step").main()
    said = capsys.readouterr().out
    assert (said.count("'what': 'pool'"), said.count("'what': 'loop'")) == (6, 2)


def test_the_table_of_training_steps_shows_ratios_and_bars():
    ratio = {
        "over_average": 1.07,
        "over_average_spread": [1.0, 1.1],
        "over_float32": 1.0,
        "over_float32_spread": [1, 1],
    }
    pool = {
        "what": "pool",
        "pool": "isqrt",
        "precision": "float32",
        "ms": 9.0,
        "peak_mb": 3.0,
        "memory_over_average": 1.0,
        "memory_but_classifier_over_average": 1.0,
    }
    loop = {"what": "loop", "precision": "float32", "ms": 9.1, "bare_ms": 9.0, "over_bare": 1.01}
    rows = [{**pool, **ratio}, {**loop, "over_bare_spread": [1.0, 1.02]}]
    bars = {"isqrt, float32": 1.08, "loop": 1.02, "memory": 1.05, "bfloat16 over float32": 0.55}
    size = {"backbone": "resnet50", "side": 224, "batch": 8, "threads": 2, "amx": True, "repeats": 3}
    page = tables.training_step({"rows": rows, "settings": {**size, "bars": bars}})
    assert "| isqrt | float32 | 9.0 | 1.07 (1.0 to 1.1) |" in page
    assert "with AMX" in page
    assert "float32 9.1 over 9.0 ms, 1.01 (1.0 to 1.02)" in page


def test_every_record_has_a_table():
    assert {*BENCHMARKS, "data_memory", "landscape", "one_node", "training_step"} == set(tables.KINDS)


def test_the_sketch_never_makes_a_square_matrix_and_the_second_moment_does():
    sketch, dense = (sketch_memory.measure(name, 24, 2, 16) for name in ("cbp", "bilinear"))
    assert not sketch["square"]
    assert dense["square"]


def test_the_sketch_of_many_channels_stays_below_their_second_moment():
    sketch, dense = (sketch_memory.measure(name, 512, 2, 64) for name in ("cbp", "bilinear"))
    assert sketch["forward_mb"] < dense["forward_mb"] / 20
    assert sketch["largest_mb"] < dense["largest_mb"] / 20


def test_the_tables_show_every_row():
    errors = {"value_error": 0.1, "gradient_error": 0.2, "value_rounding": 1e-7, "gradient_rounding": 2e-6}
    rows = [{"condition": 10.0, "steps": k, **errors} for k in (1, 2)]
    page = tables.accuracy_vs_steps({"rows": rows, "settings": {"dim": 8}})
    assert "| condition | of | 1 | 2 |" in page
    assert "| 1e+01 | gradient | 2.0e-01 | 2.0e-01 |" in page
    assert "within 2e-06 of that" in page
    timed = {"published": {"ms": 9.0, "times": 1.0}, "auto": {"ms": 2.0, "times": 4.5}}
    row = {"channels": 256, "side": 7, "functions": timed, "memory_share": 0.2, "over_limit": 1.5}
    page = tables.roots({"rows": [row], "settings": {"batch": 16, "dtype": "float32", "steps": 5, "repeats": 3}})
    assert "| 256 | 7 x 7 | 9.0 | 2.0 (4.5) | 0.20 | 1.50 |" in page
    row = {"network": "conv4 + avg", "step": 5, "loss": [1.5, 1.25, 1.75], "accuracy": [0.9, 0.8, 1.0]}
    page = tables.landscape({"rows": [row], "settings": {"recipe": "small/conv4", "seeds": 3, "images": 64}})
    assert "| conv4 + avg | 5 | 1.5 [1.25, 1.75] |" in page
    assert "| 90 [80, 100] |  |" in page
