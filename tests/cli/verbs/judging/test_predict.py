import csv
import io
import json

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits


@pytest.fixture
def pictures(tmp_path):
    """photos/0.png ... photos/3.png and photos/deep/4.jpg, beside a text file; bad.png is none."""
    folder = tmp_path / "photos"
    (folder / "deep").mkdir(parents=True)
    digits = (load_digits().images[:5] * 15.9).astype(np.uint8)
    for i, pixels in enumerate(digits):
        Image.fromarray(pixels).save(folder / ("deep/4.jpg" if i == 4 else f"{i}.png"))
    (folder / "notes.txt").write_text("no image")
    (tmp_path / "bad.png").write_text("no image")
    return folder


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_every_image_of_a_folder_has_its_ranked_classes(covpool, trained, pictures):
    said = covpool("predict", trained, "photos", "--top-k", "3")
    assert said.code == 0
    found = rows(said.out)
    assert [row["image"] for row in found[::3]] == [f"photos/{i}.png" for i in range(4)] + ["photos/deep/4.jpg"]
    assert [row["rank"] for row in found[:3]] == ["1", "2", "3"]
    probabilities = [float(row["probability"]) for row in found[:3]]
    assert probabilities == sorted(probabilities, reverse=True)
    assert 0 < sum(probabilities) <= 1


def test_files_patterns_and_folders_keep_their_order_and_repeat_nothing(covpool, trained, pictures):
    said = covpool("predict", trained, "photos/2.png", "--top-k", "1", "photos/[01].png", "photos/2.png")
    assert [row["image"] for row in rows(said.out)] == ["photos/2.png", "photos/0.png", "photos/1.png"]


def test_json_can_be_written_to_a_file_once(covpool, trained, pictures, tmp_path):
    words = ["predict", trained, "photos/0.png", "--top-k", "99", "--format", "json", "--output", "x.json"]
    assert covpool(*words).code == 0
    found = json.loads((tmp_path / "x.json").read_text())
    assert [len(row["classes"]) for row in found] == [10]
    assert sum(c["probability"] for c in found[0]["classes"]) == pytest.approx(1)
    assert "add --force" in covpool(*words).err


def test_a_broken_image_stops_the_work_and_is_named(covpool, trained, pictures):
    said = covpool("predict", trained, "photos", "bad.png")
    assert (said.code, said.out) == (1, "")
    assert "bad.png" in said.err
    assert "Traceback" not in said.err


def test_a_broken_image_can_be_skipped(covpool, trained, pictures):
    said = covpool("predict", trained, "bad.png", "photos/0.png", "--top-k", "1", "--on-bad-image", "skip")
    assert (said.code, len(rows(said.out))) == (0, 1)
    assert "skipped bad.png" in said.err
    assert covpool("predict", trained, "bad.png", "--on-bad-image", "skip").code == 1


def test_words_that_mean_no_image_are_told_together(covpool, trained, tmp_path):
    (tmp_path / "empty").mkdir()
    said = covpool("predict", trained, "none.png", "*.gif", "--top-k", "0")
    assert said.code == 2
    assert said.err.splitlines()[0] == "error: 3 mistakes"
    assert "the folder empty holds no images" in covpool("predict", trained, "empty").err
