import json

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_digits


@pytest.fixture
def photos(tmp_path):
    (tmp_path / "photos" / "deep").mkdir(parents=True)
    for place, name in enumerate(("0.png", "deep/0.png")):
        Image.fromarray((load_digits().images[place] * 15.9).astype(np.uint8)).save(tmp_path / "photos" / name)
    return tmp_path / "photos"


def test_pictures_become_a_page_pngs_and_numbers(covpool, trained, photos, tmp_path):
    said = covpool("explain", "photos", "--weights", trained, "--png", "maps", "--json", "all.json", "-q")
    assert (said.code, said.out) == (0, "")
    page = (tmp_path / "explained.html").read_text(encoding="utf-8")
    assert "photos/deep/0.png" in page
    assert {path.name for path in (tmp_path / "maps").iterdir()} == {"0.png", "0-2.png"}
    found = json.loads((tmp_path / "all.json").read_text())
    assert found["schema"] == "covpool-explanation/1"
    for picture in found["pictures"]:
        (view,) = picture["views"]
        assert sum(map(sum, view["map"])) + view["constant"] == pytest.approx(view["score"], abs=1e-4)
        assert view["class"] == view["best"][0]["class"]


def test_two_networks_stand_side_by_side_for_one_class(covpool, trained, photos, tmp_path):
    words = ["explain", "photos/0.png", "--weights", trained, "--against", trained, "--class", "7", "--pairs", "0"]
    assert covpool(*words, "--json", "all.json", "--output", "x.html").code == 0
    (picture,) = json.loads((tmp_path / "all.json").read_text())["pictures"]
    assert [(view["class"], view["pairs"]) for view in picture["views"]] == [("7", [])] * 2


def test_mistakes_are_told_before_anything_is_read(covpool, trained, photos, tmp_path):
    (tmp_path / "taken").write_text("")
    said = covpool("explain", "photos", "--weights", trained, "--png", "taken", "--json", "taken", "--pairs", "-1")
    assert said.code == 2
    assert said.err.splitlines()[0] == "error: 3 mistakes"
    assert "unknown class 'ten'" in covpool("explain", "photos", "--weights", trained, "--class", "ten").err
    assert "there is no image at none.png" in covpool("explain", "none.png", "--weights", trained).err
    assert "needs IMAGE" in covpool("explain", "--weights", trained).err
