import os
import signal
import threading
import time

import pytest

from covpool.recipes import Recipe

QUICK = ("small/digits", "--epochs", "1", "--schedule.warmup_epochs", "0")


def test_a_run_folder_is_made_and_named_on_stdout(covpool, tmp_path):
    said = covpool("train", *QUICK, "--network.pool", "isqrt(steps=3)", "--optimizer.lr", "2e-3", "--batch-size", "100")
    assert said.code == 0
    run = tmp_path / said.out.strip()
    assert run.parent.name == "runs"
    assert run.name.startswith("small-digits-")
    recipe = Recipe.from_yaml((run / "recipe.yaml").read_text())
    assert (str(recipe.network.pool), recipe.optimizer.lr, recipe.loader.batch_size) == ("isqrt(steps=3)", 2e-3, 100)
    assert {"journal.jsonl", "summary.csv", "best.pt", "last.pt", "result.json"} <= {f.name for f in run.iterdir()}
    assert "recipe small/digits: data digits" in said.err
    assert "epoch 1: loss" in said.err


def test_quiet_leaves_the_recipe_and_the_folder_only(covpool):
    said = covpool("train", *QUICK, "--run", "here", "--quiet")
    assert said.out == "here\n"
    assert "epoch" not in said.err.partition("schedule:")[2].partition("\n")[2]


def test_wrong_options_values_and_recipes_are_told_together(covpool):
    said = covpool("train", "smal/digits", "--optimizer.lr", "abc", "--lr", "3", "--network", "conv4")
    assert said.code == 2
    assert said.err.splitlines()[0] == "error: 4 mistakes"
    for part in (
        "did you mean '--optimizer.lr'?",
        "--network is a group",
        "needs a number",
        "did you mean 'small/digits'?",
    ):
        assert part in said.err


def test_values_out_of_range_are_told_together(covpool):
    said = covpool("train", "small/digits", "--schedule.epochs", "0", "--ema", "2", "--loader.workers", "-1")
    assert said.code == 2
    assert said.err.splitlines()[0] == "error: 4 mistakes"  # the warm-up is longer than no epochs, too


def test_unknown_names_are_told_together_and_leave_no_folder(covpool, tmp_path):
    names = ["--network.pool", "isqt", "--network.backbone", "conv5", "--data", "digts", "--optimizer.name", "adamv"]
    said = covpool("train", *QUICK, *names, "--run", "here")
    assert said.code == 2
    assert "error: 4 mistakes" in said.err
    for near in ("isqrt", "conv4", "digits", "adam"):
        assert f"did you mean '{near}'" in said.err
    assert not (tmp_path / "here").exists()


def test_a_run_folder_is_never_overwritten(covpool, trained):
    said = covpool("train", *QUICK, "--run", trained)
    assert said.code == 2
    assert f"go on with --resume {trained}" in said.err


def test_resuming_goes_with_neither_a_folder_nor_a_recipe(covpool, trained):
    assert "drop --run" in covpool("train", "--resume", trained, "--run", "x").err
    assert "drop the recipe" in covpool("train", "small/digits", "--resume", trained).err
    assert "no run to resume" in covpool("train", "--resume", "nowhere").err
    said = covpool("train", "--resume", trained, "--optimizer.lr", "1")
    assert said.code == 2
    assert "optimizer.lr was 0.003" in said.err
    assert "is now 1.0" in said.err


def test_without_data_the_sentence_says_what_is_needed(covpool):
    said = covpool("train", "finetune/modern", "--network.pretrained", "false")
    assert said.code == 2
    assert "data: a folder, a .tar or the name of a known set is needed" in said.err


@pytest.mark.skipif(os.name == "nt", reason="sends a signal")
def test_ctrl_c_leaves_a_run_that_can_be_resumed(covpool, tmp_path):
    run = tmp_path / "stopped"

    def interrupt():
        while not (run / "summary.csv").exists():
            time.sleep(0.01)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    said = covpool("train", "small/digits", "--epochs", "500", "--run", "stopped")
    assert (said.code, said.out) == (130, "")
    assert said.err.endswith("interrupted; go on with: covpool train --resume stopped\n")
    assert "Traceback" not in said.err
    assert (run / "last.pt").exists()


def test_a_time_limit_ends_well_and_says_how_to_go_on(covpool, tmp_path):
    said = covpool("train", "small/digits", "--epochs", "500", "--run", "timed", "--time-limit", "0.01s")
    assert (said.code, said.out) == (0, "timed\n")
    assert said.err.endswith("the time limit of 0.01s is over; go on with: covpool train --resume timed\n")
    assert (tmp_path / "timed" / "last.pt").exists()
    assert not (tmp_path / "timed" / "result.json").exists()


def test_a_length_in_steps_with_evaluations_inside(covpool, tmp_path):
    options = ("--steps", "3", "--schedule.evaluate_every_steps", "2", "--schedule.warmup_epochs", "0")
    said = covpool("train", "small/digits", *options, "--run", "short", "--log", "csv")
    assert said.code == 0
    for part in ("expected result: not established", "3 steps, 20 an epoch", "FLOP forward", "(estimated)", "step 2: "):
        assert part in said.err
    assert (tmp_path / "short" / "metrics.csv").exists()
    assert not (tmp_path / "short" / "tensorboard").exists()


def test_mistakes_of_time_and_loggers_are_told_together(covpool):
    said = covpool("train", *QUICK, "--time-limit", "soon", "--log", "tensorbord")
    assert said.code == 2
    assert "--time-limit needs a length of time such as 90s, 30m or 8h; got 'soon'" in said.err
    assert "did you mean 'tensorboard'" in said.err
