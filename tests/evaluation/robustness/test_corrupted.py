"""Judging corrupted pictures: against a plain loop, over workers, batches, parts and interruptions."""

import json

import numpy as np
import pytest
import torch

from covpool.data import CorruptImage
from covpool.data.corruptions import corrupt, through_jpeg
from covpool.evaluation.robustness import (
    CLEAN,
    class_folders,
    conditions_of,
    judge_corrupted,
    judge_released,
    released_conditions,
    save_corrupted,
)
from covpool.registry import UnknownName
from evaluation.robustness.subjects import CLASSES, PREPROCESSING, SIDE, images, subject

CONDITIONS = conditions_of(["gaussian_noise", "contrast", "pixelate"], [1, 5])
TWO_PICTURES = 2 * 3 * SIDE**2


def counts(records):
    return {str(condition): tuple(records.count(condition)) for condition in [CLEAN, *CONDITIONS]}


@pytest.fixture(scope="module")
def plain():
    """One picture after the other, without batches, parts or workers."""
    pictures, judge = images(), subject()
    found = {}
    for condition in [CLEAN, *CONDITIONS]:
        wrong = 0
        for i in range(len(pictures)):
            square = np.asarray(judge.geometry(pictures.read(i)))
            if condition != CLEAN:
                square = through_jpeg(corrupt(square, condition.name, condition.level, key=pictures.keys[i]), 85)
            wrong += int(judge.logits(torch.from_numpy(square.copy()[None])).argmax() != pictures.labels[i])
        found[str(condition)] = (len(pictures), wrong)
    return found


def test_it_counts_what_a_plain_loop_counts(plain):
    assert counts(judge_corrupted(subject(), images(), CONDITIONS)) == plain
    assert plain["clean-0"] == (10, 2)
    assert plain["contrast-5"][1] > 2


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_parts_and_batches_change_nothing(workers, plain):
    judge = subject(workers=workers, batch_size=workers)
    assert counts(judge_corrupted(judge, images(), CONDITIONS, memory=2 * TWO_PICTURES)) == plain


def test_a_picture_is_read_once_for_all_corruptions():
    pictures = images()
    judge_corrupted(subject(), pictures, CONDITIONS, memory=TWO_PICTURES)
    assert pictures._reader.read == [1] * 10


class Killed(BaseException):
    """Stands for a kill at this moment."""


@pytest.mark.parametrize("moment", [1, 9, 17, 34, 66])
def test_an_interrupted_work_goes_on_and_ends_the_same(moment, tmp_path, plain):
    def interrupt(done, total):
        if done >= moment:
            raise Killed

    options = {"results": tmp_path / "counts", "memory": 2 * TWO_PICTURES}
    with pytest.raises(Killed):
        judge_corrupted(subject(), images(), CONDITIONS, progress=interrupt, **options)
    totals = []
    records = judge_corrupted(
        subject(), images(), CONDITIONS, progress=lambda done, total: totals.append(total), **options
    )
    assert counts(records) == plain
    assert totals[-1] <= 70 - moment + 4  # at most the part at work is judged again


def test_nothing_is_read_or_judged_again_when_all_is_there(tmp_path, plain):
    judge_corrupted(subject(), images(), CONDITIONS[:3], results=tmp_path / "counts")
    pictures = images()
    judge_corrupted(subject(), pictures, CONDITIONS[:3], results=tmp_path / "counts")
    assert sum(pictures._reader.read) == 0
    more = judge_corrupted(subject(), pictures, CONDITIONS, results=tmp_path / "counts")
    assert counts(more) == plain
    assert sorted(path.name for path in (tmp_path / "counts").iterdir()) == sorted(
        ["plan.json", "clean-0.json", *(f"{condition}.json" for condition in CONDITIONS)]
    )


def test_counts_of_something_else_are_not_mixed(tmp_path):
    judge_corrupted(subject(), images(), CONDITIONS[:1], results=tmp_path / "counts")
    other = subject()
    with torch.no_grad():
        other.network.linear.bias.add_(1)
    with pytest.raises(ValueError, match=r"holds counts of something else \(network differ\)"):
        judge_corrupted(other, images(), CONDITIONS[:1], results=tmp_path / "counts")
    with pytest.raises(ValueError, match="pictures, seed differ"):
        judge_corrupted(subject(), images(9), CONDITIONS[:1], seed=1, results=tmp_path / "counts")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(ValueError, match="is not empty and holds no judgement"):
        judge_corrupted(subject(), images(), CONDITIONS[:1], results=tmp_path / "mine")


def test_a_damaged_file_of_counts_is_named(tmp_path):
    judge_corrupted(subject(), images(), CONDITIONS[:1], results=tmp_path)
    (tmp_path / "clean-0.json").write_text('{"parts": [')
    with pytest.raises(ValueError, match=r"clean-0\.json is damaged .*remove it"):
        judge_corrupted(subject(), images(), CONDITIONS[:1], results=tmp_path)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_broken_picture_stops_or_is_left_out(workers):
    broken = (4, 7)
    with pytest.raises(CorruptImage, match=r"val/(dog|cat)/(4|7)\.png"):
        judge_corrupted(subject(workers=workers), images(10, broken), CONDITIONS)
    judge = subject(workers=workers, skip_broken=True)
    records = judge_corrupted(judge, images(10, broken), CONDITIONS, memory=TWO_PICTURES)
    assert {records.count(condition).images for condition in [CLEAN, *CONDITIONS]} == {8}
    nothing = judge_corrupted(judge, images(2, (0, 1)), CONDITIONS[:1])
    assert nothing.count(CLEAN) == (0, 0)
    assert np.isnan(nothing.error(CLEAN))


@pytest.mark.parametrize("jpeg", [85, 0])
def test_a_saved_set_has_the_released_layout_and_is_judged_the_same(jpeg, tmp_path):
    records = judge_corrupted(subject(), images(), CONDITIONS, jpeg=jpeg, save=tmp_path / "c")
    ending = ".jpg" if jpeg else ""
    files = {path.relative_to(tmp_path / "c").as_posix() for path in (tmp_path / "c").rglob("*.*")}
    assert len(files) == 10 * len(CONDITIONS)
    assert all(file.endswith(f".png{ending}") for file in files)
    assert {file.split("/")[0] for file in files} == {"gaussian_noise", "contrast", "pixelate"}
    assert {file.split("/")[1] for file in files} == {"1", "5"}
    found = released_conditions(tmp_path / "c")
    again, classes = judge_released(subject(), found)
    assert set(classes) <= set(CLASSES)
    assert set(found) == set(CONDITIONS)
    for condition in CONDITIONS:
        assert again.count(condition) == records.count(condition)


def test_pictures_are_saved_without_a_network_and_with_workers_the_same(tmp_path):
    judge_corrupted(subject(), images(), CONDITIONS[:2], save=tmp_path / "a")
    save_corrupted(images(), PREPROCESSING, tmp_path / "b", CONDITIONS[:2], workers=2)
    first, second = (sorted((tmp_path / name).rglob("*.jpg")) for name in "ab")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]
    assert len(class_folders(tmp_path / "b" / "gaussian_noise" / "1")) == 10


def test_the_counts_are_kept_as_json(tmp_path):
    judge_corrupted(subject(), images(), CONDITIONS[:1], results=tmp_path, memory=5 * TWO_PICTURES)
    assert json.loads((tmp_path / "clean-0.json").read_text()) == {
        "condition": ["clean", 0],
        "parts": {"0": [10, 2]},
    }


def test_an_unknown_corruption_is_told_with_the_nearest():
    with pytest.raises(UnknownName, match="did you mean 'motion_blur'"):
        conditions_of(["motionblur"])
