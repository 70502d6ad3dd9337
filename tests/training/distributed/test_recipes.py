"""What a recipe may ask for gives several processes the numbers of one; a run goes through hands of any number."""

import json
from math import isfinite

import pytest
import torch

from covpool.training import read_journal
from covpool.training.distributed.launching import in_processes
from covpool.training.run import load_checkpoint
from several_recipes import IN_BF16, OWN, RECIPES, SAME, train_each, write_teacher

pytestmark = pytest.mark.slow  # every start of a process imports torch

FLOAT32 = {"weights": (1e-4, 1e-5), "losses": 1e-5, "rates": 1e-4}
# 8 bits of a number are kept, 2^-8 = 4e-3 of it: halves of a batch are rounded where a whole one is not, at each step
BFLOAT16 = {"weights": (5e-2, 5e-3), "losses": 1e-2, "rates": None}
UNEVEN = (43, 13)  # 7 pictures in the last batch of 12, and of evaluation one that joins the batch before
SOME = ("plain", "moving average", "two stages")


def trained(folder, size, names, strategy="ddp", **how):
    """The folder with a run a recipe, of as many processes."""
    write_teacher(folder)
    given = {"names": list(names), "folder": str(folder), "strategy": strategy if size > 1 else "ddp", **how}
    if size == 1:
        train_each(**given)
    else:
        in_processes(size, train_each, given, listen=lambda event: None, stopped=lambda: False)
    return folder


def steps(run):
    return [event["loss"] for event in read_journal(run / "journal.jsonl") if event["event"] == "step"]


def assert_same_numbers(run, other, weights, losses, rates):
    ours, theirs = load_checkpoint(run / "last.pt"), load_checkpoint(other / "last.pt")
    for part in ("network", "ema"):
        for name, value in (theirs[part] or {}).items():
            torch.testing.assert_close(
                ours[part][name], value, rtol=weights[0], atol=weights[1], msg=lambda m, n=name: f"{n}: {m}"
            )
    assert steps(run) == pytest.approx(steps(other), rel=losses)
    for row, expected in zip(ours["progress"]["history"], theirs["progress"]["history"], strict=True):
        for column in ("train_loss", "eval_loss", "train_top1", "eval_top1") if rates else ():
            assert row[column] == pytest.approx(expected[column], rel=rates)
        if rates and "spectrum" in expected:
            assert row["spectrum"] == pytest.approx(expected["spectrum"], rel=1e-3)  # of the same pictures


def judged(run):
    result = json.loads((run / "result.json").read_text())
    return {name: result[name] for name in ("images", "top1", "confusion")}


@pytest.fixture(scope="module")
def one(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("one"), 1, [*SAME, *IN_BF16])


@pytest.fixture(scope="module", params=["ddp", "fsdp"])
def two(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("two") / request.param
    folder.mkdir()
    return trained(folder, 2, RECIPES, request.param)


@pytest.mark.parametrize("name", SAME)
def test_two_processes_give_the_numbers_of_one(one, two, name):
    assert_same_numbers(two / name, one / name, **FLOAT32)
    assert judged(two / name) == judged(one / name)


@pytest.mark.parametrize("name", IN_BF16)
def test_and_nearly_so_where_numbers_are_short(one, two, name):
    assert_same_numbers(two / name, one / name, **BFLOAT16)


@pytest.mark.parametrize("name", OWN)
def test_what_each_process_mixes_for_itself_trains(two, name):
    assert all(map(isfinite, steps(two / name)))
    weights = load_checkpoint(two / name / "last.pt")["network"].values()
    assert all(bool(value.isfinite().all()) for value in weights)


def test_and_goes_on_with_the_very_same_mixtures(two, tmp_path):
    trained(tmp_path, 2, OWN, two.name, stop=3)
    trained(tmp_path, 2, OWN, two.name, resume=True)
    for name in OWN:
        assert steps(tmp_path / name) == pytest.approx(steps(two / name), rel=1e-6)


@pytest.fixture(scope="module")
def uneven(tmp_path_factory):
    return trained(tmp_path_factory.mktemp("uneven"), 1, SOME, sets=UNEVEN)


@pytest.mark.parametrize(("size", "strategy"), [(3, "ddp"), (3, "fsdp"), (4, "ddp"), (4, "fsdp")])
def test_more_processes_too_and_every_picture_is_judged_once(uneven, tmp_path, size, strategy):
    trained(tmp_path, size, SOME, strategy, sets=UNEVEN)
    for name in SOME:
        assert_same_numbers(tmp_path / name, uneven / name, **FLOAT32)
        assert judged(tmp_path / name) == judged(uneven / name)
        assert judged(tmp_path / name)["images"] == UNEVEN[1]


@pytest.mark.parametrize("strategy", ["ddp", "fsdp"])
def test_a_run_goes_from_four_processes_to_two_to_one_to_three(uneven, tmp_path, strategy):
    for size, stop in ((4, 2), (2, 4), (1, 5), (3, None)):
        trained(tmp_path, size, SOME[:2], strategy, sets=UNEVEN, resume=size < 4, stop=stop)
    for name in SOME[:2]:
        assert_same_numbers(tmp_path / name, uneven / name, **FLOAT32)
