"""Two processes train what one trains of the same batches; a run changes hands between one process and two."""

from dataclasses import replace

import pytest
import torch

from covpool.models import restore_network
from covpool.recipes import OptimizerSpec, RecipeError
from covpool.training import read_journal, train
from covpool.training.run import load_checkpoint
from tiny_runs import tiny_pictures
from two_processes import gated_recipe, steady_recipe

pytestmark = pytest.mark.slow  # each start of two processes imports torch twice


def losses(run):
    return [event["loss"] for event in read_journal(run / "journal.jsonl") if event["event"] == "step"]


def trained(run, **options):
    given = {"recipe": steady_recipe(), "images": tiny_pictures(), "device": "cpu", "log_every": 1, "log": ()}
    return train(run=run, **given | options)


def assert_same_numbers(run, other, parts=("network", "ema")):
    """Up to the order of float32 sums."""
    ours, theirs = load_checkpoint(run / "last.pt"), load_checkpoint(other / "last.pt")
    for part in parts:
        for name, value in theirs[part].items():
            torch.testing.assert_close(ours[part][name], value, rtol=1e-4, atol=1e-5, msg=lambda m, n=name: f"{n}: {m}")
    assert losses(run) == pytest.approx(losses(other), rel=1e-5)
    for row, expected in zip(ours["progress"]["history"], theirs["progress"]["history"], strict=True):
        for column in ("train_loss", "eval_loss", "train_top1", "eval_top1"):
            assert row[column] == pytest.approx(expected[column], rel=1e-4)


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    run = tmp_path_factory.mktemp("one") / "run"
    trained(run)
    return run


@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_two_processes_give_the_numbers_of_one(one, tmp_path, strategy):
    heard = []
    outcome = trained(tmp_path / "run", devices=2, strategy=strategy, listen=heard.append)
    assert_same_numbers(tmp_path / "run", one)
    assert outcome.ending == "finished"
    assert (heard[0]["summary"]["processes"], heard[0]["summary"]["strategy"]) == (2, strategy)
    assert (tmp_path / "run" / "previous.pt").is_dir() == (strategy == "fsdp")
    for file in ("best.pt", "last.pt"):
        ours, of_one = (restore_network(run / file)[0].state_dict() for run in (tmp_path / "run", one))
        for name, value in of_one.items():
            torch.testing.assert_close(ours[name], value, rtol=1e-4, atol=1e-5)
    assert [event["step"] for event in heard if event["event"] == "step"] == list(range(1, len(losses(one)) + 1))


def stop_at(step):
    def listen(event):
        if event["event"] == "step" and event["step"] == step:
            raise KeyboardInterrupt

    return listen


@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_a_gate_with_its_balance_loss_over_the_whole_batch_too(tmp_path, strategy):
    trained(tmp_path / "one", recipe=gated_recipe())
    trained(tmp_path / "two", recipe=gated_recipe(), devices=2, strategy=strategy)
    assert_same_numbers(tmp_path / "two", tmp_path / "one", parts=("network",))


HANDS = {"one": {}, "ddp": {"devices": 2}, "fsdp": {"devices": 2, "strategy": "fsdp"}}


@pytest.mark.parametrize(
    ("first", "second"),
    [("ddp", "one"), ("one", "ddp"), ("fsdp", "one"), ("one", "fsdp"), ("fsdp", "ddp"), ("fsdp", "fsdp")],
)
def test_a_run_changes_hands(one, tmp_path, first, second):
    recipe = replace(steady_recipe(), checkpoint_every_steps=2)
    given = {"images": tiny_pictures(), "device": "cpu", "log_every": 1, "log": ()}
    stopped = train(recipe, tmp_path / "run", **given, **HANDS[first], listen=stop_at(3))
    assert stopped.ending in ("asked", "finished")  # the stop travels through the caller's process
    train(None, tmp_path / "run", resume=True, **given, **HANDS[second])
    assert_same_numbers(tmp_path / "run", one)


def test_a_batch_that_cannot_be_shared_evenly_is_refused(tmp_path):
    recipe = steady_recipe()
    odd = replace(recipe, loader=replace(recipe.loader, batch_size=5))
    with pytest.raises(RecipeError, match=r"loader\.batch_size is shared evenly by 2 processes; got 5"):
        train(odd, tmp_path / "run", images=tiny_pictures(), device="cpu", log=(), devices=2)


def test_parameters_are_not_shared_out_where_that_is_not_established(tmp_path):
    given = {"images": tiny_pictures(), "device": "cpu", "log": (), "strategy": "fsdp"}
    with pytest.raises(ValueError, match="shares parameters out among several processes; got 1"):
        train(steady_recipe(), tmp_path / "run", **given)
    odd = replace(steady_recipe(), optimizer=OptimizerSpec(name="adafactor"), precision="16-mixed")
    with pytest.raises(RecipeError, match=r"'fsdp' takes sgd, momentum.*got 'adafactor'") as told:
        train(odd, tmp_path / "run", **given, devices=2)
    assert "'fsdp' takes '32-true' and 'bf16-mixed'; got '16-mixed'" in str(told.value)
    assert not (tmp_path / "run").exists()
