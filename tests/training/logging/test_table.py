"""Loggers by name write the same curves, and a resumed run writes none of them twice."""

import csv
import os
import subprocess
import sys
from dataclasses import replace

import pytest
from lightning_fabric.loggers import Logger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.summary.writer import event_file_writer

from covpool.recipes import Choice, Recipe
from covpool.training import train
from covpool.training.logging import logger_mistakes, open_loggers
from covpool.training.run import RunFolder


class Memory(Logger):
    """A logger of the user's own."""

    name = version = None

    def __init__(self):
        self.seen, self.ended = [], None

    def log_metrics(self, metrics, step=None):
        self.seen.append((step, metrics))

    def log_hyperparams(self, params, *args, **kwargs):
        self.params = params

    def finalize(self, status):
        self.ended = status


def step(number, loss=0.5):
    return {"event": "step", "epoch": 0, "step": number, "loss": loss, "gradient_norm": {"total": 2.0, "pool": 1.0}}


def rows_of(path):
    with path.open(encoding="utf-8") as file:
        return [(int(row["step"]), row["name"], float(row["value"])) for row in csv.DictReader(file)]


def test_what_a_power_cut_made_of_a_table_is_left_out(tmp_path):
    path = tmp_path / "metrics.csv"
    path.write_bytes(b"step,name,value\n1,step/loss,0.5\n" + bytes(30) + b"\n\xff2,st\n2,step/loss,0.25\n3,ste")
    open_loggers(["csv"], RunFolder(tmp_path), Recipe(), 2).close()
    assert rows_of(path) == [(1, "step/loss", 0.5), (2, "step/loss", 0.25)]


@pytest.mark.parametrize("names", [["tensorboard"], ["csv"]])
def test_what_a_resumed_run_logs_again_is_there_once(names, tmp_path, monkeypatch):
    # files of one second are read in the order of their names, in which a tenth writer comes before the ninth
    monkeypatch.setattr(event_file_writer, "_global_uid", event_file_writer.AtomicCounter(0))
    folder = RunFolder(tmp_path)
    first = open_loggers(names, folder, Recipe())
    for number in (1, 2, 3):
        first.write(step(number, float(number)))
    first.close()
    again = open_loggers(names, folder, Recipe(), 1)
    for number in (2, 3):
        again.write(step(number, 10.0 * number))
    again.close()
    if names == ["csv"]:
        found = [(place, value) for place, name, value in rows_of(tmp_path / "metrics.csv") if name == "step/loss"]
    else:
        curves = EventAccumulator(str(tmp_path / "tensorboard")).Reload()
        found = [(s.step, s.value) for s in curves.Scalars("step/loss")]
    assert found == [(1, 1.0), (2, 20.0), (3, 30.0)]


def test_a_training_logs_rates_gradients_and_the_spectrum(recipe, pictures, tmp_path):
    memory = Memory()
    train(recipe, tmp_path / "run", images=pictures, device="cpu", log_every=1, log=["tensorboard", "csv", memory])
    curves = EventAccumulator(str(tmp_path / "run" / "tensorboard")).Reload()
    names = set(curves.Tags()["scalars"])
    assert {"eval_top1", "train_loss", "step/loss", "step/lr", "spectrum/effective_rank"} <= names
    assert {f"gradient_norm/{part}" for part in ("total", "backbone", "pool", "classifier")} <= names
    assert len([name for name in names if name.startswith("lr/")]) == 4  # with and without decay, twice the rate
    assert curves.Tags()["histograms"] == ["spectrum/log10_eigenvalues"]
    assert {name for _, name, _ in rows_of(tmp_path / "run" / "metrics.csv")} == names
    assert (memory.ended, memory.params["ema"]) == ("success", 0.9)
    assert [place for place, _ in memory.seen] == [1, 2, 3, 4, 4, 5, 6, 7, 8, 8]
    frozen = next(metrics for place, metrics in memory.seen if place == 1)
    assert "gradient_norm/backbone" not in frozen  # only the head learns in the first epoch
    total = frozen["gradient_norm/total"] ** 2
    assert total == pytest.approx(frozen["gradient_norm/pool"] ** 2 + frozen["gradient_norm/classifier"] ** 2)


def test_the_gate_of_a_mixture_is_seen(recipe, pictures, tmp_path):
    pool = Choice("gm-sop", candidates=4, active=2, hidden=8, gate=[8, 8], reduce_to=8)
    memory = Memory()
    recipe = replace(recipe, network=replace(recipe.network, pool=pool), ema=None)
    train(recipe, tmp_path / "run", images=pictures, device="cpu", log=[memory])
    metrics = dict(memory.seen)[8]
    assert sum(metrics[f"gate_use/{place}"] for place in range(4)) == pytest.approx(2.0)


def test_nothing_is_logged_where_nothing_is_asked_for(recipe, pictures, tmp_path):
    train(recipe, tmp_path / "run", images=pictures, device="cpu", log=[])
    assert not {"tensorboard", "metrics.csv"} & {path.name for path in (tmp_path / "run").iterdir()}


def test_unknown_loggers_are_told_before_anything_is_made(recipe, pictures, tmp_path):
    assert logger_mistakes(["tensorbord", Memory()]) == [
        "unknown logger 'tensorbord'; did you mean 'tensorboard'? (csv, tensorboard, trackio, wandb)"
    ]
    with pytest.raises(ValueError, match="did you mean 'tensorboard'"):
        train(recipe, tmp_path / "run", images=pictures, log=["tensorbord"])
    assert not (tmp_path / "run").exists()


PROGRAM = """
import sys
from covpool.recipes import Recipe
from covpool.training.logging import open_loggers
from covpool.training.run import RunFolder
import torch

folder = RunFolder(sys.argv[2])
loggers = open_loggers([sys.argv[1]], folder, Recipe(name="small/digits"))
loggers.write({"event": "step", "step": 1, "loss": 0.5})
loggers.histogram("spectrum", torch.ones(3), 1)
loggers.close()
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["wandb", "trackio"])
def test_a_service_keeps_a_run_without_a_network(name, tmp_path):
    pytest.importorskip(name)
    run, home = tmp_path / "run", tmp_path / "home"
    run.mkdir()
    settings = {"WANDB_MODE": "offline", "TRACKIO_DIR": str(tmp_path / "trackio"), "HOME": str(home)}
    command = [sys.executable, "-c", PROGRAM, name, str(run)]
    subprocess.run(command, check=True, env={**os.environ, **settings}, timeout=300)
    identity = (run / f"{name}-run").read_text()
    kept = list((run / "wandb").glob(f"offline-run-*-{identity}")) if name == "wandb" else list(tmp_path.rglob("*.db"))
    assert kept
