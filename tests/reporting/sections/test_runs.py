import json

import pytest

from covpool.reporting.sections.runs import Run, read_run, runs_table, runs_view

SUMMARY = """\
epoch,train_loss,eval_loss,eval_top1,eval_top5,lr,train_top1,step,seconds
0,1.9,1.7,0.87,1.0,0.003,0.5,20,1.7
1,0.9,0.7,0.97,1.0,0.0,0.9,40,3.3
"""
RECIPE = "name: small/digits\nnetwork:\n  backbone: conv4\n  pool: isqrt(steps=3)\n"
RESULT = {
    "schema": "covpool-result/1",
    "images": 10,
    "skipped": 1,
    "top1": 0.9,
    "top1_interval": [0.6, 0.98],
    "top5": 1.0,
    "top5_interval": [0.7, 1.0],
    "loss": 0.42,
    "classes": ["a", "b", "<c>"],
    "per_class": [1.0, 0.5, None],
    "confusion": [[5, 0, 0], [2, 2, 1], [0, 0, 0]],
    "about": {"weights": "network", "recipe": {"network": {"backbone": "conv4", "pool": "avg"}}},
    "stamp": {"date": "2026-03-01T10:00:00+00:00", "version": "0.1.0", "commit": None, "machine": {"cpu": "X"}},
}


@pytest.fixture
def folder(tmp_path):
    run = tmp_path / "first"
    run.mkdir()
    (run / "summary.csv").write_text(SUMMARY)
    (run / "recipe.yaml").write_text(RECIPE)
    return run


def shown(run):
    table = runs_table([run])
    return {column.key: cell.full for column, cell in zip(table.columns, table.rows[0], strict=True)}


def test_an_unfinished_run_shows_its_best_epoch(folder):
    assert shown(read_run(folder)) == {
        "run": "first", "network": "conv4 + isqrt(steps=3)", "top1": "97.0", "top5": "100.0",
        "loss": "0.700", "epochs": "2", "seconds": "3.3 s",
    }  # fmt: skip


def test_a_finished_run_shows_its_result_with_intervals(folder):
    (folder / "result.json").write_text(json.dumps(RESULT))
    cells = shown(read_run(folder))
    assert cells["top1"] == "90.0 [60.0, 98.0]"
    assert (cells["images"], cells["skipped"], cells["loss"]) == ("10", "1", "0.420")


def test_epochs_are_counted_from_one_in_the_curves(folder):
    charts = runs_view([read_run(folder)])["charts"]
    assert [chart["title"] for chart in charts] == ["validation accuracy, %", "training loss", "learning rate"]
    assert ">1</text>" in charts[0]["chart"]
    assert ">2</text>" in charts[0]["chart"]


def test_a_folder_that_is_no_run_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"needs to be a run folder .* found neither"):
        read_run(tmp_path)


def test_the_weakest_classes_are_named(folder):
    (folder / "result.json").write_text(json.dumps(RESULT))
    assert runs_view([read_run(folder)])["details"][0]["weakest"] == [("b", "50.0")]


def test_accuracy_stands_against_cost_where_two_results_know_theirs():
    cost = {"ms_per_image": 2.0, "flops": 1000, "parameters": 50}
    about = RESULT["about"]
    cheap = Run("cheap", result={**RESULT, "about": {**about, "cost": cost}})
    dear = Run("dear", result={**RESULT, "top1": 0.95, "about": {**about, "cost": {**cost, "ms_per_image": 9.0}}})
    unknown = Run("unknown", result=RESULT)
    shown = runs_view([cheap, unknown, dear])["costs"]
    assert shown[0]["title"].endswith("against ms per image")
    assert "dear: 95.0 %, 9.00" in shown[0]["chart"]
    assert "unknown" not in shown[0]["chart"]
    assert runs_view([cheap, unknown])["costs"] == []
