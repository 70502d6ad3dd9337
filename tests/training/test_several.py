"""Two processes train what one trains of the same batches; a run changes hands between one process and two."""

from dataclasses import replace

import pytest
import torch

from covpool.recipes import RecipeError
from covpool.training import read_journal, train
from covpool.training.run import load_checkpoint
from tiny_runs import tiny_pictures
from two_processes import steady_recipe

pytestmark = pytest.mark.slow  # each start of two processes imports torch twice


def losses(run):
    return [event["loss"] for event in read_journal(run / "journal.jsonl") if event["event"] == "step"]


def trained(run, **options):
    given = {"images": tiny_pictures(), "device": "cpu", "log_every": 1, "log": ()} | options
    return train(None if options.get("resume") is True else steady_recipe(), run, **given)


def assert_same_numbers(run, other):
    """Up to the order of float32 sums."""
    ours, theirs = load_checkpoint(run / "last.pt"), load_checkpoint(other / "last.pt")
    for part in ("network", "ema"):
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


def test_two_processes_give_the_numbers_of_one(one, tmp_path):
    heard = []
    outcome = trained(tmp_path / "run", devices=2, listen=heard.append)
    assert_same_numbers(tmp_path / "run", one)
    assert outcome.ending == "finished"
    assert heard[0]["summary"]["processes"] == 2
    assert [event["step"] for event in heard if event["event"] == "step"] == list(range(1, len(losses(one)) + 1))


def stop_at(step):
    def listen(event):
        if event["event"] == "step" and event["step"] == step:
            raise KeyboardInterrupt

    return listen


@pytest.mark.parametrize(("first", "second"), [(2, 1), (1, 2)])
def test_a_run_changes_hands(one, tmp_path, first, second):
    recipe = replace(steady_recipe(), checkpoint_every_steps=2)
    given = {"images": tiny_pictures(), "device": "cpu", "log_every": 1, "log": ()}
    stopped = train(recipe, tmp_path / "run", **given, devices=first, listen=stop_at(3))
    assert stopped.ending in ("asked", "finished")  # the stop travels through the caller's process
    train(None, tmp_path / "run", resume=True, **given, devices=second)
    assert_same_numbers(tmp_path / "run", one)


def test_a_batch_that_cannot_be_shared_evenly_is_refused(tmp_path):
    recipe = steady_recipe()
    odd = replace(recipe, loader=replace(recipe.loader, batch_size=5))
    with pytest.raises(RecipeError, match=r"loader\.batch_size is shared evenly by 2 processes; got 5"):
        train(odd, tmp_path / "run", images=tiny_pictures(), device="cpu", log=(), devices=2)
