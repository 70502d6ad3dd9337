"""A run folder is new or resumed, never both; a changed recipe is told field by field."""

import os
from dataclasses import replace

import pytest

from covpool.recipes import NetworkSpec, OptimizerSpec, Recipe, RecipeError, ScheduleSpec
from covpool.training.run.checkpoint import DamagedCheckpoint
from covpool.training.run.folder import RunFolder, recipe_to_resume


def test_an_empty_or_absent_folder_is_new(tmp_path):
    RunFolder(tmp_path).require_new()
    RunFolder(tmp_path / "absent").require_new()


def test_a_folder_with_a_run_is_refused_with_the_command_that_continues_it(tmp_path):
    folder = RunFolder(tmp_path / "my run")
    folder.create(Recipe())
    with pytest.raises(FileExistsError, match=r"covpool train --resume '.*my run'"):
        folder.require_new()


def test_a_folder_with_other_things_or_a_file_is_refused(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="exists and is not empty; name another"):
        RunFolder(tmp_path).require_new()
    with pytest.raises(FileExistsError):
        RunFolder(tmp_path / "notes.txt").require_new()


def test_the_stored_recipe_comes_back(tmp_path):
    folder = RunFolder(tmp_path / "run")
    recipe = Recipe(name="a", network=NetworkSpec(pool="isqrt(steps=3)"))
    folder.create(recipe)
    assert folder.stored_recipe() == recipe


def test_a_folder_without_a_run_cannot_be_resumed(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no run to resume"):
        RunFolder(tmp_path).stored_recipe()


def test_fields_that_change_no_number_may_change():
    stored = Recipe(data="here")
    moved = replace(stored, data="there", checkpoint_every_steps=5, loader=replace(stored.loader, workers=7))
    assert recipe_to_resume(stored, moved) is moved
    assert recipe_to_resume(stored, None) is stored


def test_every_other_difference_is_named_with_both_values():
    stored = Recipe(optimizer=OptimizerSpec(lr=0.1))
    changed = replace(stored, optimizer=OptimizerSpec(lr=0.2), schedule=ScheduleSpec(epochs=11), ema=0.9)
    with pytest.raises(RecipeError) as caught:
        recipe_to_resume(stored, changed)
    assert caught.value.mistakes == [
        "optimizer.lr was 0.1 in the run and is now 0.2",
        "schedule.epochs was 10 in the run and is now 11",
        "ema was None in the run and is now 0.9; a resumed run keeps its own values, start a new run for others",
    ]


def saved_twice(tmp_path):
    folder = RunFolder(tmp_path)
    for step in (1, 2):
        folder.save({"step": step})
    return folder


def test_the_last_checkpoint_is_loaded_while_it_is_whole(tmp_path):
    assert saved_twice(tmp_path).load()["step"] == 2


def test_a_damaged_checkpoint_gives_way_to_the_one_before_it(tmp_path, caplog):
    folder = saved_twice(tmp_path)
    folder.last.write_bytes(folder.last.read_bytes()[:-100])
    assert folder.load()["step"] == 1
    assert "going on from the checkpoint before it" in caplog.text
    folder.previous.write_bytes(b"")
    with pytest.raises(DamagedCheckpoint, match=r"previous.pt cannot be read"):
        folder.load()


def test_a_kill_between_two_names_costs_nothing(tmp_path):
    folder = saved_twice(tmp_path)
    folder.last.replace(folder.previous)
    assert folder.load()["step"] == 2


def test_there_is_nothing_to_go_on_from_in_a_new_run(tmp_path):
    assert RunFolder(tmp_path).load() is None


def test_a_pipe_in_the_place_of_a_file_is_not_read(tmp_path):
    RunFolder(tmp_path / "run").create(Recipe(name="small"))
    os.mkfifo(tmp_path / "run" / "journal.jsonl")
    with pytest.raises(ValueError, match=r"journal\.jsonl is a pipe or a device"):
        RunFolder(tmp_path / "run").stored_recipe()
