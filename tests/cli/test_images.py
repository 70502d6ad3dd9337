"""The images that a command line names; what the verbs make of them is tested with each."""

import os

import numpy as np
import pytest
from PIL import Image

from covpool.cli.errors import Usage
from covpool.cli.images import image_files, image_sets, preprocessing_of, set_of_files
from covpool.data import Preprocessing
from covpool.models import create_network, restore_network, save_network


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """photos/a.png and photos/deep/b.png, each of one colour, beside a text file."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "photos" / "deep").mkdir(parents=True)
    (tmp_path / "photos" / "notes.txt").write_text("no image")
    for shade, name in ((10, "a.png"), (20, "deep/b.png")):
        Image.fromarray(np.full((32, 32, 3), shade, np.uint8)).save(tmp_path / "photos" / name)
    return tmp_path / "photos"


@pytest.fixture
def silent(tmp_path):
    """A file with a network of three classes for 32 pixels that says nothing about itself."""
    network = create_network("conv4", "avg", num_classes=3)
    return save_network(network, tmp_path / "silent.safetensors")


def test_files_folders_and_patterns_mean_each_image_once(photos):
    found = image_files(["photos/deep/b.png", "photos", "photos/*.png"])
    assert list(map(str, found)) == ["photos/deep/b.png", "photos/a.png"]


def test_every_word_that_means_no_image_is_told(photos, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(Usage) as caught:
        image_files(["empty", "photos", "*.gif"])
    assert caught.value.mistakes == ["the folder empty holds no images", "there is no image at *.gif"]


@pytest.fixture
def leading_out(photos, tmp_path):
    """Links in photos/ to a picture and to a folder beside it, and one that stays in it."""
    (tmp_path / "private").mkdir()
    Image.new("RGB", (32, 32), "red").save(tmp_path / "private" / "secret.png")
    (photos / "link.png").symlink_to(tmp_path / "private" / "secret.png")
    (photos / "folder").symlink_to(tmp_path / "private")
    (photos / "again.png").symlink_to(photos / "a.png")
    return tmp_path / "private" / "secret.png"


@pytest.mark.parametrize("word", ["photos", "photos/**", "photos/*", "photos/../photos"])
def test_no_link_leads_out_of_a_folder_or_a_pattern(leading_out, photos, word, capsys):
    found = [file.resolve() for file in image_files([word])]
    assert photos / "a.png" in found
    assert leading_out not in found
    assert "links lead out of" in capsys.readouterr().err


def test_a_link_that_is_named_itself_is_followed(leading_out, photos):
    assert [file.resolve() for file in image_files(["photos/link.png"])] == [leading_out]
    assert [file.resolve() for file in image_files(["photos/folder"])] == [leading_out]


def test_a_verb_reads_nothing_out_of_its_folder(covpool, leading_out, silent, tmp_path):
    said = covpool("predict", silent, "photos", "--top-k", "1", "--quiet")
    assert said.code == 0, said.err
    assert [line.split(",")[0] for line in said.out.splitlines()[1:]] == [
        "photos/a.png", "photos/again.png", "photos/deep/b.png",
    ]  # fmt: skip
    assert "left out: 1 of 4 files" in said.err


def test_a_set_of_files_reads_them_in_their_order(photos):
    images = set_of_files(image_files(["photos/deep/b.png", "photos/a.png"]))
    assert [np.asarray(images.read(i)).mean() for i in range(len(images))] == [20, 10]


def test_a_loose_folder_is_named_by_where_images_lie_in_it(photos):
    (images,) = image_sets("photos", "all", unlabelled=True)
    assert images.keys == ["a.png", "deep/b.png"]
    with pytest.raises(Usage, match="needs a folder of images"):
        image_sets("photos/a.png", "all", unlabelled=True)


def test_what_a_file_says_of_preparing_images_comes_first(silent, tmp_path):
    network, about = restore_network(silent)
    assert about == {}
    assert preprocessing_of(network, about).image_size == network.pretrained_cfg["input_size"][1]
    asked = Preprocessing(image_size=48)
    assert preprocessing_of(network, {"preprocessing": asked.to_dict()}) == asked


def test_a_file_that_does_not_say_how_images_are_prepared_predicts_and_explains(covpool, silent, photos, tmp_path):
    said = covpool("predict", silent, "photos", "--top-k", "1", "--quiet")
    assert (said.code, len(said.out.splitlines())) == (0, 3), said.err
    said = covpool("explain", "photos/a.png", "--weights", silent, "--quiet")
    assert said.code == 0, said.err
    assert (tmp_path / "explained.html").exists()


@pytest.mark.skipif(os.access("/", os.W_OK), reason="root may list every folder")
def test_a_folder_that_cannot_be_listed_is_not_passed_over(photos):
    (photos / "deep").chmod(0)
    with pytest.raises(PermissionError):
        image_files(["photos"])
    (photos / "deep").chmod(0o700)
