import json

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def photos(tmp_path):
    random = np.random.default_rng(0)
    for place, count in {"train/cat": 4, "train/dog": 4, "val/cat": 2, "val/dog": 2}.items():
        folder = tmp_path / "photos" / place
        folder.mkdir(parents=True)
        for number in range(count):
            values = np.kron(random.integers(0, 256, (6, 8, 3)), np.ones((10, 10, 1)))
            Image.fromarray(values.astype(np.uint8)).save(folder / f"{number}.png")
    return tmp_path / "photos"


def test_prepare_writes_shards_and_says_so(covpool, photos, tmp_path):
    said = covpool("data", "prepare", photos, "-o", "out", "--workers", 0)
    assert said.code == 0
    assert "wrote out: 8 train, 4 val pictures as shards" in said.err
    assert json.loads((tmp_path / "out/dataset.json").read_text())["splits"]["val"]["pictures"] == 4
    again = covpool("data", "prepare", photos, "-o", "out", "--workers", 0)
    assert again.code == 0


def test_prepare_stops_at_a_broken_picture_and_the_same_command_skips_when_told(covpool, photos):
    (photos / "train/cat/1.png").write_bytes(b"cut")
    said = covpool("data", "prepare", photos, "-o", "out", "--workers", 0)
    assert said.code == 1
    assert "broken picture 'train/cat/1.png'" in said.err
    said = covpool("data", "prepare", photos, "-o", "other", "--workers", 0, "--on-bad-image", "skip")
    assert said.code == 0
    assert "skipped train/cat/1.png: " in said.err


def test_check_writes_a_page_and_json_and_fails_on_a_leak(covpool, photos, tmp_path):
    said = covpool("data", "check", photos, "-o", "page.html", "--workers", 0)
    assert said.code == 0, said.err
    (photos / "val/cat/leak.png").write_bytes((photos / "train/cat/0.png").read_bytes())
    said = covpool("data", "check", photos, "-o", "page.html", "--workers", 0, "--force")
    assert said.code == 1
    assert "1 picture of one split can be seen in another" in said.err
    assert json.loads((tmp_path / "page.json").read_text())["leaks"]["pairs"] == 1
    page = (tmp_path / "page.html").read_text()
    assert "Leaks between splits" in page
    assert "data:image/jpeg;base64," in page
    assert "http" not in page.replace("http-equiv", "")


def test_show_writes_a_sheet(covpool, photos, tmp_path):
    said = covpool("data", "show", photos, "-o", "seen.png", "--augment", "crop", "--size", 32, "--pictures", 3)
    assert said.code == 0, said.err
    with Image.open(tmp_path / "seen.png") as sheet:
        assert sheet.size == (5 * 36 + 8, 3 * 36 + 4)


def test_show_names_the_splits_there_are(covpool, photos):
    said = covpool("data", "show", photos, "-o", "seen.png", "--split", "test")
    assert said.code == 2
    assert "has no split 'test'; it has train, val" in said.err


def test_all_mistakes_of_a_line_are_told(covpool, photos):
    said = covpool("data", "check", photos, "-o", "page.txt", "--distance", 9, "--format", "tfrecord")
    assert said.code == 2
    for sentence in ("takes no --format", "--distance needs at most 3", "needs to end in .html or .json"):
        assert sentence in said.err
    said = covpool("data", "prepare", photos)
    assert "needs --output" in said.err


def test_shards_cannot_lie_below_a_file(covpool, tmp_path):
    (tmp_path / "notes.txt").touch()
    said = covpool("data", "prepare", "digits", "-o", "notes.txt/x")
    assert (said.code, said.out) == (2, "")
    assert said.err == "error: --output notes.txt/x cannot be made: notes.txt is a file; name another folder\n"
