"""What is written about a sweep."""

import csv
import json

from covpool.recipes import Recipe
from covpool.studies.sweep.shared import SharedStudy, optuna
from covpool.studies.sweep.summary import importances, write_summary
from studies.sweep.test_plan import plan


def filled(folder, metric: str = "top1", trials: int = 12) -> SharedStudy:
    shared = SharedStudy(plan("optimizer.lr=1e-3..1e-1:log", "ema=none,0.5", "seed=7", metric=metric), folder)
    states = optuna().trial.TrialState
    for number in range(trials):
        taken = shared.take(None)
        taken.hold.release()
        taken.trial.report(0.1, 1)
        if number == 2:
            shared.study.tell(number, state=states.PRUNED)
        elif number == 3:
            shared.study.tell(number, state=states.FAIL)
        else:
            shared.study.tell(number, 1 - taken.values["optimizer.lr"])
    return shared


def test_the_best_recipe_is_the_base_with_the_best_values(tmp_path):
    shared = filled(tmp_path)
    results = write_summary(shared)
    done = [record for record in results["trials"] if record["state"] == "finished"]
    best = max(done, key=lambda record: record["value"])
    assert results["best"] == best["trial"]
    recipe = Recipe.from_yaml((tmp_path / "best.yaml").read_text())
    assert (recipe.optimizer.lr, recipe.seed, recipe.name) == (best["values"]["optimizer.lr"], 7, "tiny-best")
    assert f"trial {best['trial']}" in recipe.source
    assert json.loads((tmp_path / "sweep.json").read_text())["schema"] == "covpool-sweep/1"


def test_a_loss_is_best_where_it_is_lowest(tmp_path):
    results = write_summary(filled(tmp_path, "loss", 6))
    done = [record for record in results["trials"] if record["state"] == "finished"]
    assert results["best"] == min(done, key=lambda record: record["value"])["trial"]


def test_every_trial_has_a_line(tmp_path):
    results = write_summary(filled(tmp_path, trials=5))
    rows = list(csv.DictReader((tmp_path / "trials.csv").read_text().splitlines()))
    assert [row["state"] for row in rows] == ["finished", "finished", "pruned", "failed", "finished"]
    assert [float(row["optimizer.lr"]) for row in rows] == [r["values"]["optimizer.lr"] for r in results["trials"]]
    assert {row["seed"] for row in rows} == {"7"}
    assert rows[2]["value"] == "0.1"


def test_the_field_that_decides_explains_most(tmp_path):
    parts = importances(filled(tmp_path, trials=25))
    assert next(iter(parts)) == "optimizer.lr"
    assert sum(parts.values()) > 0.99
    assert importances(filled(tmp_path / "few", trials=3)) is None


def test_nothing_finished_writes_no_recipe(tmp_path):
    shared = SharedStudy(plan(), tmp_path)
    shared.take(None).hold.release()
    assert write_summary(shared)["best"] is None
    assert not (tmp_path / "best.yaml").exists()
