"""What a sweep found: every trial, the best recipe, which fields mattered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from covpool.evaluation import stamp, write_json
from covpool.evaluation.writing.as_csv import as_csv
from covpool.evaluation.writing.whole_file import whole_file
from covpool.studies.sweep.shared import SharedStudy, optuna

SCHEMA = "covpool-sweep/1"
RESULTS, TABLE, BEST = "sweep.json", "trials.csv", "best.yaml"
_STATES = {"COMPLETE": "finished", "PRUNED": "pruned", "FAIL": "failed", "RUNNING": "running"}
_FACTS = ("epochs", "seconds", "run", "host", "reason")  # columns behind the values


def results_of(shared: SharedStudy) -> dict[str, Any]:
    """The facts of ``sweep.json``: the plan, a record a trial, the number of the best one, what the fields explain."""
    plan, states = shared.plan, optuna().trial.TrialState
    trials = [t for t in shared.study.get_trials(deepcopy=False) if t.state != states.WAITING]
    records = [_record(shared, trial) for trial in trials]
    finished = [record for record in records if record["state"] == "finished" and record["value"] is not None]
    sign = -1 if plan.direction == "minimize" else 1
    best = max(finished, key=lambda record: (sign * record["value"], -record["trial"]), default=None)
    return {
        "schema": SCHEMA,
        **stamp(),
        **{key: value for key, value in plan.to_dict().items() if key != "schema"},
        "direction": plan.direction,
        "trials": records,
        "best": None if best is None else best["trial"],
        "importances": importances(shared),
    }


def _record(shared: SharedStudy, trial: Any) -> dict[str, Any]:
    values = {}
    for dimension in shared.plan.space:
        stored = dimension in shared.plan.varied
        if not stored or dimension.field in trial.params:
            values[dimension.field] = dimension.of(trial.params[dimension.field]) if stored else dimension.corners()[0]
    epochs = max(trial.intermediate_values, default=0)
    finished = trial.state.name == "COMPLETE"
    return {
        "trial": trial.number,
        "state": _STATES[trial.state.name],
        "value": trial.value if finished else trial.intermediate_values.get(epochs),
        "values": values,
        "epochs": epochs,
        "by_epoch": [[epoch, value] for epoch, value in sorted(trial.intermediate_values.items())],
        "seconds": trial.user_attrs.get("seconds"),
        "run": trial.user_attrs.get("run"),
        "host": trial.user_attrs.get("host"),
        "reason": trial.user_attrs.get("reason", ""),
    }


def importances(shared: SharedStudy) -> dict[str, float] | None:
    """Part of the metric's variance over the finished trials that each field explains (fANOVA), the largest first.

    None where it cannot be said: fewer than four finished trials, or all alike.
    Source: Hutter, Hoos and Leyton-Brown, ICML 2014, as Optuna computes it.
    """
    library = optuna()
    done = shared.study.get_trials(deepcopy=False, states=(library.trial.TrialState.COMPLETE,))
    values = {trial.value for trial in done}
    if len(done) < 4 or len(values) < 2 or any(value != value for value in values):
        return None
    evaluator = library.importance.FanovaImportanceEvaluator(seed=0)
    try:
        return {
            name: float(part)
            for name, part in library.importance.get_param_importances(shared.study, evaluator=evaluator).items()
        }
    except (RuntimeError, ValueError):  # no field that all trials share varies
        return None


def write_summary(shared: SharedStudy) -> dict[str, Any]:
    """``sweep.json``, ``trials.csv`` and, once a trial has finished, ``best.yaml``; returns the results."""
    results = results_of(shared)
    write_json(shared.folder / RESULTS, results)
    with whole_file(shared.folder / TABLE) as file:
        file.write(as_csv(_lines(results)))
    best = next((record for record in results["trials"] if record["trial"] == results["best"]), None)
    if best is not None:
        with whole_file(shared.folder / BEST) as file:
            file.write(_best_recipe(shared, best, len(results["trials"])).encode())
    return results


def _lines(results: Mapping[str, Any]) -> Iterator[list[Any]]:
    """The table of the trials, its header first."""
    fields = list(results["space"])
    yield ["trial", "state", "value", *fields, *_FACTS]
    for record in results["trials"]:
        chosen = [record["values"].get(field) for field in fields]
        yield [record["trial"], record["state"], record["value"], *chosen, *(record[name] for name in _FACTS)]


def _best_recipe(shared: SharedStudy, best: Mapping[str, Any], trials: int) -> str:
    recipe = shared.plan.recipe_of(best["values"])
    source = (
        f"trial {best['trial']}, the best of {trials} of a sweep over {', '.join(d.field for d in shared.plan.varied)} "
        f"by {shared.plan.metric} on the validation pictures"
    )
    return replace(recipe, name=f"{recipe.name or 'own'}-best", source=source).to_yaml()
