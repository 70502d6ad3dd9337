"""The section of an analysis: a row a network, charts with bands, words for what was measured only."""

import pytest

from covpool.reporting.sections.analysis import section
from covpool.reporting.sections.kinds import SECTIONS
from covpool.reporting.sections.parts import Chart, Found, Listing, Note

LINE = {"steps": [-1, 0, 1], "losses": [2.0, 1.0, 3.0]}
PLANE = {"steps": [-1, 0, 1], "losses": [[3, 2, 3], [2, 1, 2], [3, 2, 3]]}


def point(step, value, **more):
    along = {"loss": value, "loss_low": value, "loss_high": 2 * value, "change_low": 0.0, "change_high": value}
    along |= {"smoothness": value, "lipschitz": value}
    return {"step": step, "loss": value, "activations": along, **more}


def run(seed, steps=(0, 5)):
    points = [point(step, 1.0 + seed + (step or 0)) for step in steps]
    points[-1]["slices"] = {"line": LINE, "plane": PLANE}
    return {"path": "p", "seed": seed, "accuracies": [0.5, 0.8], "points": points, "epochs_to_reach": 1.5}


def spread(*values):
    return {"mean": sum(values) / len(values), "low": min(values), "high": max(values), "per_seed": list(values)}


def group(name, *runs):
    summary = {"accuracy": spread(0.8, 0.9), "activations.loss_range": spread(0.000123456), "hessian.trace": None}
    return {"name": name, "network": {}, "runs": list(runs), "summary": summary}


def result(*groups):
    protocol = {
        "measures": ["activations", "slices"],
        "activation_distances": [0.1, 75.0, 50],
        "activation_mode": "training",
        "mode": "batch-statistics",
        "lanczos_steps": 30,
        "trace_samples": 10,
        "radius": 0.05,
        "examples": 64,
        "example_mode": "calibrated",
        "dtype": "float64",
    }
    settings = {"protocol": protocol, "probe": {"batch_size": 64, "split": "train"}, "target": 0.75}
    data = {"source": "digits", "classes": 10, "pictures": 128}
    found = {"schema": "covpool-analysis/1", "data": data, "settings": settings, "groups": list(groups), "stamp": {}}
    return Found("a", found, "analysis.json")


def test_the_table_has_a_row_a_network_with_means_bands_and_origins():
    shown = section([result(group("avg", run(0)), group("<b>", run(0), run(1)))])
    (table,) = shown.tables
    assert [column.title for column in table.columns] == ["network", "accuracy %", "loss range"]
    assert table.rows[0][1].full == "85.0 [80.0, 90.0]"
    assert table.rows[0][2].full == "0.000123"
    assert table.rows[1][1].origin == "analysis.json#/groups/1/summary/accuracy/mean"
    assert "&lt;b&gt;" in shown.to_markdown()


def test_charts_along_the_training_and_around_the_last_weights():
    charts = [part for part in section([result(group("avg", run(0), run(1)))]).parts if isinstance(part, Chart)]
    titles = " | ".join(chart.title for chart in charts)
    assert "least to largest" in titles
    assert "accuracy" in titles
    assert "plane of two random directions: avg" in titles
    assert "Hessian" not in titles


def test_one_point_has_a_table_and_no_curves():
    only = run(0, steps=(None,))
    only["accuracies"], only["points"][0]["slices"] = [], None
    parts = section([result(group("file", only))]).parts
    assert not any(isinstance(part, Chart) for part in parts)
    assert any(isinstance(part, Listing) for part in parts)


def test_words_are_about_what_was_measured():
    (note,) = [part.text for part in section([result(group("avg", run(0)))]).parts if isinstance(part, Note)]
    assert "50 distances from 0.1 to 75 uphill" in note
    assert "Lanczos" not in note


def test_the_kind_is_in_the_table():
    assert SECTIONS["covpool-analysis"] is section
    with pytest.raises(KeyError):
        section([Found("a", {"groups": []})])
