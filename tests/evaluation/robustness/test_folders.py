"""Folders as they are released."""

import numpy as np
import pytest
import torch
from PIL import Image

from covpool.data import BadSource
from covpool.evaluation.robustness import class_folders, judge_folder, judge_released, released_conditions
from covpool.evaluation.robustness.records import Condition
from evaluation.robustness.subjects import CLASSES, SIDE, picture, subject


@pytest.fixture
def released(tmp_path):
    """A miniature of the unpacked archives: one corruption at the top, one below the name of its archive."""
    for seed, (place, name) in enumerate([("", "fog"), ("noise/", "shot_noise")]):
        for severity in (1, 2):
            for number, wnid in enumerate(CLASSES):
                folder = tmp_path / f"{place}{name}" / str(severity) / wnid
                folder.mkdir(parents=True)
                square = picture(10 * seed + 3 * severity + number).resize((SIDE, SIDE))
                square.save(folder / f"ILSVRC2012_val_{number:08d}.JPEG")
    return tmp_path


def test_every_corruption_and_severity_is_found(released):
    found = released_conditions(released)
    assert set(found) == {Condition(name, level) for name in ("fog", "shot_noise") for level in (1, 2)}
    assert found[Condition("shot_noise", 2)] == released / "noise" / "shot_noise" / "2"


def test_finished_squares_are_judged_as_they_are(released):
    judge = subject()
    records, classes = judge_released(judge, released_conditions(released))
    assert classes == CLASSES
    wrong = 0
    for label, name in enumerate(CLASSES):
        pixels = np.asarray(Image.open(released / "fog" / "1" / name / f"ILSVRC2012_val_{label:08d}.JPEG"))
        wrong += int(judge.logits(torch.from_numpy(pixels.copy()[None])).argmax() != label)
    assert records.count(Condition("fog", 1)) == (3, wrong)


def test_a_finished_folder_is_not_judged_again(released, tmp_path):
    folders = released_conditions(released)
    first, _ = judge_released(subject(), folders, results=tmp_path / "counts")
    for path in released.rglob("*.JPEG"):
        Image.new("RGB", (SIDE, SIDE)).save(path)
    again, _ = judge_released(subject(), folders, results=tmp_path / "counts")
    assert [again.count(c) for c in folders] == [first.count(c) for c in folders]


def test_other_sizes_are_resized_around_the_middle(tmp_path):
    wide = np.zeros((SIDE, 3 * SIDE, 3), np.uint8)
    wide[:, SIDE : 2 * SIDE] = 200
    judge = subject()
    (tmp_path / "a" / "cat").mkdir(parents=True)
    Image.fromarray(wide).save(tmp_path / "a" / "cat" / "1.png")
    given, skipped = judge.finished(class_folders(tmp_path / "a"))
    square = torch.full((1, SIDE, SIDE, 3), 200, dtype=torch.uint8)
    assert torch.allclose(given.logits, judge.logits(square))
    assert skipped == 0


def test_a_part_of_the_classes_is_judged_among_itself(tmp_path):
    """ImageNet-A and -R hold 200 of 1000."""
    judge = subject()
    for seed in range(12):
        (tmp_path / "r" / CLASSES[seed % 2]).mkdir(parents=True, exist_ok=True)
        picture(seed).save(tmp_path / "r" / CLASSES[seed % 2] / f"{seed}.png")
    images = class_folders(tmp_path / "r")
    assert images.classes == ["cat", "dog"]
    given, _ = judge.finished(images)
    (count, wrong), _ = judge_folder(judge, images)
    assert (count, wrong) == (12, int((given.logits[:, :2].argmax(1) != given.labels).sum()))


def test_what_is_no_such_folder_is_told(tmp_path):
    with pytest.raises(BadSource, match="there is no folder"):
        class_folders(tmp_path / "nowhere")
    with pytest.raises(BadSource, match="holds no folder such as gaussian_noise/1"):
        released_conditions(tmp_path)
    with pytest.raises(BadSource, match="holds no folder such as"):
        released_conditions(tmp_path / "nowhere")
    with pytest.raises(BadSource, match="no pictures"):
        class_folders(tmp_path)
    picture(0).save(tmp_path / "loose.png")
    with pytest.raises(BadSource, match=r"outside class folders, such as 'loose\.png'"):
        class_folders(tmp_path)
