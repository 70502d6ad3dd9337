import json
import shutil

import numpy as np
import pytest
from PIL import Image

from covpool.data import open_images
from covpool.data.inspect import check
from data.inspect.test_hashing import drawing


@pytest.fixture
def photos(tmp_path):
    """Two classes, 6 + 3 pictures of each, with one leak, one copy, one copy of another class and three broken ones."""
    root = tmp_path / "photos"
    for number, (split, name, count) in enumerate(
        [("train", "cat", 6), ("train", "dog", 6), ("val", "cat", 3), ("val", "dog", 3)]
    ):
        (root / split / name).mkdir(parents=True)
        for i in range(count):
            drawing(100 * number + i, (160 + 8 * i, 120)).save(root / split / name / f"{i}.jpg", quality=90)
    with Image.open(root / "train/cat/0.jpg") as image:
        image.resize((80, 60)).save(root / "val/cat/leak.jpg", quality=70)
    shutil.copy(root / "train/cat/1.jpg", root / "train/cat/copy.jpg")
    shutil.copy(root / "train/cat/2.jpg", root / "train/dog/cat.jpg")
    (root / "train/dog/cut.jpg").write_bytes((root / "train/dog/0.jpg").read_bytes()[:900])
    (root / "val/dog/empty.jpg").touch()
    Image.new("RGB", (1, 1)).save(root / "val/dog/one.png")
    return root


@pytest.mark.parametrize("workers", [0, 2])
def test_what_was_put_in_is_found_and_nothing_else(photos, workers):
    heard = []
    found = check(open_images(photos, val_fraction=0), workers=workers, progress=lambda *seen: heard.append(seen))
    leaks, twice = found["leaks"], found["duplicates"]
    assert [pair[:2] for pair in leaks["listed"]] == [["train/cat/0.jpg", "val/cat/leak.jpg"]]
    assert (leaks["pairs"], leaks["across_classes"], leaks["equal_pixels"]) == (1, 0, 0)
    assert {tuple(pair) for pair in twice["listed"]} == {
        ("train/cat/1.jpg", "train/cat/copy.jpg", None),
        ("train/cat/2.jpg", "train/dog/cat.jpg", None),
    }
    assert twice["listed"][0][1] == "train/dog/cat.jpg"  # of different classes: the worst comes first
    assert twice["across_classes"] == 1
    broken = {split: [key for key, _ in found["splits"][split]["broken"]] for split in found["splits"]}
    assert broken == {"train": ["train/dog/cut.jpg"], "val": ["val/dog/empty.jpg"]}
    assert found["splits"]["train"]["counts"] == [7, 8]
    assert found["splits"]["val"]["remarks"] == {"tiny (1 x 1)": 1}
    assert heard[-1] == (15 + 9, 15 + 9)
    assert json.loads(json.dumps(found)) == found


def test_statistics_are_those_of_a_naive_loop(photos):
    source = open_images(photos, val_fraction=0)
    found = check(source)["splits"]["val"]
    pictures = [source.val.read(i) for i, key in enumerate(source.val.keys) if "empty" not in key]
    values = [np.asarray(picture) / 255 for picture in pictures]
    mean = np.mean([value.mean((0, 1)) for value in values], axis=0)
    square = np.mean([(value**2).mean((0, 1)) for value in values], axis=0)
    np.testing.assert_allclose(found["channels"]["mean"], mean, atol=1e-6)
    np.testing.assert_allclose(found["channels"]["std"], np.sqrt(square - mean**2), atol=1e-6)
    widths = [picture.width for picture in pictures]
    assert (found["sizes"]["width"]["least"], found["sizes"]["width"]["most"]) == (min(widths), max(widths))


def test_flat_and_periodic_pictures_are_not_taken_for_one_another(tmp_path):
    for name in ("grey", "stripes"):
        (tmp_path / "photos" / name).mkdir(parents=True)
    for i in range(4):
        Image.new("RGB", (40, 40), (50 * i, 50 * i, 50 * i)).save(tmp_path / f"photos/grey/{i}.png")
        stripes = np.zeros((40, 36, 3), np.uint8)
        stripes[:, (np.arange(36) // 4) % 2 == 1] = 60 + 60 * i
        Image.fromarray(stripes).save(tmp_path / f"photos/stripes/{i}.png")
    found = check(open_images(tmp_path / "photos", val_fraction=0))
    assert found["duplicates"]["pairs"] == 0


def test_a_test_split_that_serves_as_val_is_no_leak(class_folders):
    found = check(open_images(class_folders({"train/a": 2, "train/b": 2, "test/a": 1, "test/b": 1}), val_fraction=0))
    assert list(found["splits"]) == ["train", "test"]
    assert found["leaks"]["pairs"] == 0
