"""Runs side by side: groups, bands, the same pictures for all."""

import json
from dataclasses import replace

import pytest

from covpool.analysis import NotFinite, Protocol
from covpool.evaluation import write_json
from covpool.models import restore_network, save_network
from covpool.recipes import Choice
from covpool.studies.landscape import Probe, analyze, recipes_of, snapshots, train_with_snapshots
from studies.tiny import recipe, source

QUICK = Protocol(
    measures=("activations", "sharpness", "spectrum", "slices"),
    activation_distances=(0.1, 1.0, 2),
    slice_points=3,
    plane_points=3,
    dtype="float32",
)
PROBE = Probe(images=8, batch_size=4)


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two pools, two seeds of the second."""
    folder = tmp_path_factory.mktemp("runs")
    first, second = recipes_of(recipe(), [Choice("avg"), None], epochs=1)
    wanted = {"a": first, "b0": second, "b1": replace(second, seed=1)}
    return [train_with_snapshots(r, folder / name, points=2, images=source()) for name, r in wanted.items()]


@pytest.fixture(scope="module")
def results(runs):
    return analyze(runs, images=source(), protocol=QUICK, probe=PROBE, target=0.2)


def test_runs_that_differ_in_the_seed_are_a_group(results):
    groups = results["groups"]
    assert [group["name"] for group in groups] == ["conv4 + avg", "conv4 + isqrt"]
    assert [[run["seed"] for run in group["runs"]] for group in groups] == [[0], [0, 1]]
    summary = groups[1]["summary"]["activations.smoothness"]
    last = [run["points"][-1]["activations"]["smoothness"] for run in groups[1]["runs"]]
    assert summary == {"mean": sum(last) / 2, "low": min(last), "high": max(last), "per_seed": last}
    assert groups[1]["summary"]["epochs_to_reach"]["mean"] == 1.0


def test_each_snapshot_is_measured_and_pictures_are_drawn_of_the_last_only(results):
    points = results["groups"][0]["runs"][0]["points"]
    assert [point["step"] for point in points] == [0, 4]
    assert ["slices" in point for point in points] == [False, True]


def test_it_is_json_and_the_same_again(runs, results, tmp_path):
    again = analyze(runs, images=source(), protocol=QUICK, probe=PROBE, target=0.2)
    assert again["groups"] == results["groups"]
    write_json(tmp_path / "analysis.json", results)
    assert json.loads((tmp_path / "analysis.json").read_text())["schema"] == "covpool-analysis/1"


def test_a_file_of_weights_has_one_point_and_no_step(runs, tmp_path):
    network, about = restore_network(runs[0])
    file = save_network(network, tmp_path / "w.safetensors", about)
    found = analyze([file], images=source(), protocol=replace(QUICK, measures=("sharpness",)), probe=PROBE)
    (run,) = found["groups"][0]["runs"]
    assert [point["step"] for point in run["points"]] == [None]
    assert found["settings"]["target"] is None


def test_what_is_missing_is_named(runs, tmp_path):
    with pytest.raises(ValueError, match="where the pictures are"):
        analyze(runs)
    with pytest.raises(ValueError, match="no test pictures"):
        analyze(runs, images=source(), probe=Probe(split="test"))
    with pytest.raises(ValueError, match="no run folder or checkpoint"):
        analyze([tmp_path / "no"])
    with pytest.raises(ValueError, match=r"no best\.pt in"):
        analyze([tmp_path])
    (tmp_path / "recipe.yaml").touch()
    with pytest.raises(ValueError, match="holds no weights"):
        analyze([tmp_path])
    with pytest.raises(ValueError, match="at least one run"):
        analyze([])


def test_weights_out_of_the_numbers_are_refused_by_the_name_of_their_file(runs, tmp_path):
    network, about = restore_network(snapshots(runs[0])[4])
    network.head.classifier.weight.data.fill_(float("inf"))
    file = save_network(network, tmp_path / "broken.safetensors", about)
    with pytest.raises(NotFinite, match=r"broken\.safetensors"):
        analyze([file], images=source(), protocol=QUICK, probe=PROBE)
