"""A run that is stopped anywhere and resumed is, bit for bit, the run that never stopped."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest
import torch

from covpool.data import ImageSet, ImageSource
from covpool.data.errors import CorruptImage
from covpool.evaluation import Result
from covpool.models import restore_network
from covpool.recipes import Choice, LoaderSpec, NetworkSpec, OptimizerSpec, Recipe, RecipeError
from covpool.training import read_journal, train
from covpool.training.run import load_checkpoint


class Killed(BaseException):
    """Ends the process's work as abruptly as a kill: nothing is saved on the way out."""


@pytest.fixture(scope="module")
def straight(recipe_of_module, pictures, tmp_path_factory):
    run = tmp_path_factory.mktemp("straight") / "run"
    outcome = train(recipe_of_module, run, images=pictures, device="cpu", log_every=1)
    assert not outcome.interrupted
    return run


def interrupt_at(kind, step, error):
    def listen(event):
        if event["event"] == kind and event["step"] == step:
            raise error

    return listen


# 4 steps an epoch: 2 is in the middle of the first stage, 4 ends it, 6 is in the middle of the second
@pytest.mark.parametrize(("kind", "step"), [("step", 2), ("step", 4), ("step", 6), ("epoch", 4)])
def test_ctrl_c_and_resume_continue_the_very_same_numbers(records, recipe, pictures, straight, tmp_path, kind, step):
    run = tmp_path / "run"
    first = train(
        recipe,
        run,
        images=pictures,
        device="cpu",
        log_every=1,
        listen=interrupt_at(kind, step, KeyboardInterrupt()),
    )
    assert first.interrupted
    last = read_journal(run / "journal.jsonl")[-1]
    assert (last["event"], last["step"]) == ("interrupted", step)
    assert last["resume"] == f"covpool train --resume {run}"
    torch.rand(3)  # what happens in between does not matter
    second = train(None, run, resume=True, images=pictures, device="cpu", log_every=1)
    assert not second.interrupted
    assert records(run) == records(straight)


@pytest.mark.parametrize("every", [None, 3])
def test_a_kill_loses_only_what_came_after_the_last_checkpoint(records, recipe, pictures, straight, tmp_path, every):
    run, stored = tmp_path / "run", replace(recipe, checkpoint_every_steps=every)
    listen = interrupt_at("step", 7, Killed())
    with pytest.raises(Killed):
        train(stored, run, images=pictures, device="cpu", log_every=1, listen=listen)
    assert load_checkpoint(run / "last.pt")["progress"]["step"] == (6 if every else 4)
    train(recipe, run, resume=True, images=pictures, device="cpu", log_every=1)  # how often to save is free
    assert records(run) == records(straight)


def test_a_kill_before_the_first_checkpoint_begins_again(records, recipe, pictures, straight, tmp_path):
    run = tmp_path / "run"
    listen = interrupt_at("step", 1, Killed())
    with pytest.raises(Killed):
        train(recipe, run, images=pictures, device="cpu", log_every=1, listen=listen)
    train(None, run, resume=True, images=pictures, device="cpu", log_every=1)
    assert records(run) == records(straight)


def test_two_interruptions_are_as_good_as_none(records, recipe, pictures, straight, tmp_path):
    run, settings = tmp_path / "run", {"images": pictures, "device": "cpu", "log_every": 1}
    train(recipe, run, listen=interrupt_at("step", 3, KeyboardInterrupt()), **settings)
    train(None, run, resume=True, listen=interrupt_at("step", 7, KeyboardInterrupt()), **settings)
    train(None, run, resume=True, **settings)
    assert records(run) == records(straight)
    events = [event["event"] for event in read_journal(run / "journal.jsonl")]
    assert events.count("interrupted") == 2
    assert events.count("start") == 3


def test_a_real_signal_while_evaluating_is_resumed_before_the_evaluation(records, recipe, pictures, straight, tmp_path):
    run, reads = tmp_path / "run", []
    val = pictures.val

    def read(position):
        reads.append(position)
        if len(reads) == 5:
            signal.raise_signal(signal.SIGINT)
        return val.read(position)

    slow = ImageSet(val.classes, val.labels, val.keys, read, val.place)
    source = ImageSource("signalling", pictures.train, slow, None, val.classes, "")
    assert train(recipe, run, images=source, device="cpu", log_every=1).interrupted
    assert load_checkpoint(run / "last.pt")["progress"]["history"] == []
    train(None, run, resume=True, images=pictures, device="cpu", log_every=1)
    assert records(run) == records(straight)


def test_the_number_of_workers_changes_nothing(records, recipe, pictures, straight, tmp_path):
    recipe = replace(recipe, loader=replace(recipe.loader, workers=1))
    train(recipe, tmp_path / "run", images=pictures, device="cpu", log_every=1)
    mine, other = records(tmp_path / "run"), records(straight)
    assert mine["journal"] == other["journal"]
    assert mine["last"]["network"] == other["last"]["network"]


PROGRAM = """
import os, signal, sys
from pathlib import Path
from covpool.recipes import Recipe
from covpool.training import train

def listen(event):
    if event["event"] == "step" and event["step"] == 7:
        os.kill(os.getpid(), signal.SIGKILL)

train(Recipe.from_yaml(Path(sys.argv[1]).read_text()), sys.argv[2], device="cpu", log_every=1, listen=listen)
"""


def test_a_process_killed_in_the_middle_of_an_epoch_is_resumed_bit_for_bit(records, recipe, tmp_path):
    recipe = replace(
        recipe,
        data="digits",
        transform=replace(recipe.transform, image_size=8),
        loader=LoaderSpec(batch_size=100, workers=0),
        checkpoint_every_steps=5,
    )
    (tmp_path / "recipe.yaml").write_text(recipe.to_yaml())
    killed, run = tmp_path / "killed", tmp_path / "straight"
    command = [sys.executable, "-c", PROGRAM, str(tmp_path / "recipe.yaml"), str(killed)]
    done = subprocess.run(command, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == -signal.SIGKILL
    assert load_checkpoint(killed / "last.pt")["progress"]["step"] == 5
    train(recipe, run, device="cpu", log_every=1)
    train(None, killed, resume=True, device="cpu", log_every=1)
    assert records(killed) == records(run)


def test_the_run_folder_holds_what_it_promises(recipe, pictures, straight):
    names = {path.name for path in straight.iterdir() if path.name[0] != "."}
    assert names == {
        "recipe.yaml", "journal.jsonl", "summary.csv", "tensorboard", "last.pt", "previous.pt", "best.pt", "result.json"
    }  # fmt: skip
    assert Recipe.from_yaml((straight / "recipe.yaml").read_text()) == recipe
    assert len((straight / "summary.csv").read_text().splitlines()) == 1 + 2
    result = json.loads((straight / "result.json").read_text())
    assert (result["images"], result["about"]["epoch"]) == (18, 1)
    assert result["about"]["recipe"] == recipe.to_dict()


def test_the_best_checkpoint_can_be_used_without_the_run(straight, pictures):
    network, about = restore_network(straight / "best.pt")
    assert network(torch.zeros(2, 3, 12, 12)).shape == (2, 3)
    assert about["classes"] == pictures.classes
    assert about["preprocessing"]["image_size"] == 12


def test_the_best_checkpoint_is_the_first_of_the_best_epochs(straight):
    state = load_checkpoint(straight / "last.pt")
    top1 = [row["eval_top1"] for row in state["progress"]["history"]]
    assert state["progress"]["best_epoch"] == top1.index(max(top1))


def test_events_reach_the_listener_and_the_journal_alike(recipe, pictures, tmp_path):
    heard = []
    train(recipe, tmp_path / "run", images=pictures, device="cpu", listen=heard.append)
    assert read_journal(tmp_path / "run" / "journal.jsonl") == json.loads(json.dumps(heard))
    assert [e["event"] for e in heard if e["event"] != "checkpoint"] == [
        "start", "epoch", "epoch", "end"
    ]  # fmt: skip


def test_a_finished_run_resumed_is_still_finished(records, recipe, pictures, straight):
    before = records(straight)
    outcome = train(recipe, straight, resume=True, images=pictures, device="cpu", log_every=1)
    assert not outcome.interrupted
    assert len(outcome.history) == 2
    assert records(straight) == before


def test_an_existing_run_is_not_overwritten(recipe, pictures, straight):
    with pytest.raises(FileExistsError, match="covpool train --resume"):
        train(recipe, straight, images=pictures)


def test_a_changed_recipe_is_not_resumed(recipe, pictures, straight):
    with pytest.raises(RecipeError, match=r"ema was 0.9 in the run and is now 0.5"):
        train(replace(recipe, ema=0.5), straight, resume=True, images=pictures)


def test_a_recipe_file_that_was_edited_is_not_resumed_either(recipe, pictures, tmp_path):
    run, settings = tmp_path / "run", {"images": pictures, "device": "cpu", "log_every": 1}
    train(recipe, run, listen=interrupt_at("step", 1, KeyboardInterrupt()), **settings)
    text = (run / "recipe.yaml").read_text()
    (run / "recipe.yaml").write_text(text.replace("lr: 0.01", "lr: 0.02"))
    with pytest.raises(RecipeError, match=r"optimizer.lr was 0.01 in the run and is now 0.02"):
        train(None, run, resume=True, **settings)


def test_a_recipe_with_mistakes_leaves_no_folder(recipe, pictures, tmp_path):
    with pytest.raises(RecipeError):
        train(replace(recipe, loss=Choice("crossentropy")), tmp_path / "run", images=pictures)
    assert not (tmp_path / "run").exists()


def test_a_network_that_cannot_take_the_pictures_leaves_no_folder(recipe, pictures, tmp_path):
    with pytest.raises(ValueError, match="at least 2 positions"):
        train(replace(recipe, network=NetworkSpec(backbone="test_resnet")), tmp_path / "run", images=pictures, log=())
    assert not (tmp_path / "run").exists()


def test_a_network_of_more_outputs_than_classes_is_judged_and_names_them(recipe, pictures, tmp_path):
    wide = replace(recipe, network=NetworkSpec(backbone="conv4", num_classes=40), optimizer=OptimizerSpec(lr=1e-9))
    train(wide, tmp_path / "run", images=pictures, device="cpu", log=())
    result = Result.read(tmp_path / "run" / "result.json")
    assert [len(row) for row in result.confusion] == [40] * 40
    assert sum(map(sum, result.confusion[3:])) == 0
    assert result.classes[:4] == [*pictures.classes, "output 3"]


def test_a_recipe_is_needed(tmp_path):
    with pytest.raises(ValueError, match="needs a recipe"):
        train(None, tmp_path / "run")


def test_the_callers_random_numbers_are_left_alone(recipe, pictures, tmp_path):
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    train(recipe, tmp_path / "run", images=pictures, device="cpu")
    assert torch.equal(torch.rand(2), expected)


def broken_pictures(pictures):
    """The same pictures, of which the first one of train is broken."""
    train_set = pictures.train

    def read(position):
        if position == 0:
            raise CorruptImage("train/0.png", "cut off")
        return train_set.read(position)

    broken = ImageSet(train_set.classes, train_set.labels, train_set.keys, read, "train")
    return ImageSource("broken", broken, pictures.val, None, train_set.classes, "")


def test_broken_pictures_are_counted_over_an_interruption(recipe, pictures, tmp_path):
    recipe = replace(recipe, loader=replace(recipe.loader, on_bad_image="skip"))
    run, settings = tmp_path / "run", {"images": broken_pictures(pictures), "device": "cpu", "log_every": 1}
    first = train(recipe, run, listen=interrupt_at("epoch", 4, KeyboardInterrupt()), **settings)
    assert first.skipped == {"train": 1, "val": 0}
    assert train(None, run, resume=True, **settings).skipped == {"train": 1, "val": 0}


def test_a_broken_picture_stops_the_run_by_name_unless_it_may_be_skipped(recipe, pictures, tmp_path):
    with pytest.raises(CorruptImage, match=r"train/0\.png"):
        train(recipe, tmp_path / "run", images=broken_pictures(pictures), device="cpu")
