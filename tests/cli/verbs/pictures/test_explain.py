import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits

from covpool.data import eval_transform, protocols
from covpool.models import create_network
from covpool.models.restore import save_network
from covpool.reporting.drawing.heat import from_data_uri


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


@pytest.fixture
def judge_by(tmp_path):
    """A stored network, and a protocol that prepares its pictures."""

    def make(protocol, side):
        torch.manual_seed(0)
        network = create_network("conv4", "isqrt", num_classes=3, reduce_to=8)
        values = replace(protocols.get(protocol).preprocessing, image_size=side)
        about = {"preprocessing": values.to_dict(), "classes": ["a", "b", "c"]}
        return network.eval(), values, save_network(network, tmp_path / "network.safetensors", about)

    return make


@pytest.mark.parametrize("protocol", ["fast_mpncov-tensorflow-cub-vgg", "fast_mpncov-cub-mirror", "assembled-imagenet"])
def test_the_picture_is_shown_right_side_and_colours_and_adds_up_to_the_score(covpool, judge_by, tmp_path, protocol):
    network, values, path = judge_by(protocol, 48)
    photo = Image.new("RGB", (48, 48), (230, 30, 20))
    photo.paste((20, 30, 230), (24, 0, 48, 48))
    photo.save(tmp_path / "photo.png")
    assert covpool("explain", "photo.png", "--weights", path, "--json", "all.json", "-q").code == 0
    found = json.loads((tmp_path / "all.json").read_text())
    (view,) = found["pictures"][0]["views"]
    shown = np.asarray(from_data_uri(view["picture"])).astype(int)
    assert np.abs(shown[24, 6] - [230, 30, 20]).max() < 12
    assert np.abs(shown[24, -6] - [20, 30, 230]).max() < 12
    given = eval_transform(values)(photo)
    first = given if given.ndim == 3 else given[0]
    with torch.no_grad():
        score = network(first[None])[0].max().item()
    assert view["score"] == pytest.approx(score, abs=1e-4)
    assert sum(map(sum, view["map"])) + view["constant"] == pytest.approx(score, abs=1e-4)
    said = found["facts"].get("picture of network.safetensors", "")
    assert said == ("the first of the 2 views that its protocol averages" if "mirror" in protocol else "")


def test_a_file_that_is_no_picture_is_told_without_options_of_other_verbs(covpool, trained, photos, tmp_path):
    (tmp_path / "text.jpg").write_text("no picture")
    said = covpool("explain", "text.jpg", "--weights", trained, "--quiet")
    assert (said.code, said.err) == (
        1,
        "error: broken picture 'text.jpg': its content is no picture of a known format; leave it out\n",
    )
