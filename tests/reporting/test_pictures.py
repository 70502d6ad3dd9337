import os

import pytest
from PIL import Image

from covpool.reporting.drawing.heat import from_data_uri
from covpool.reporting.pictures import SIDE, inside, thumbnails


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "photos" / "cat").mkdir(parents=True)
    Image.new("RGB", (400, 200), "red").save(tmp_path / "photos" / "cat" / "1.jpg")
    Image.new("RGB", (20, 20), "red").save(tmp_path / "secret.png")
    (tmp_path / "photos" / "notes.png").write_text("no picture")
    return tmp_path / "photos"


def test_a_picture_of_the_folder_becomes_a_small_data_uri(folder):
    found = thumbnails(["cat/1.jpg", "cat/1.jpg", "absent.jpg", "notes.png"], folder)
    assert list(found) == ["cat/1.jpg"]
    assert max(from_data_uri(found["cat/1.jpg"]).size) == SIDE
    assert len(found["cat/1.jpg"]) < 10_000


def test_nothing_outside_the_folder_is_read(folder):
    os.symlink(folder.parent / "secret.png", folder / "link.png")
    os.symlink(folder.parent, folder / "up")
    absolute = str(folder.parent / "secret.png")
    keys = [
        "../secret.png",
        "cat/../../secret.png",
        absolute,
        "link.png",
        "up/secret.png",
        "a\0b",
        "cat",
        "",
        "x" * 5000,
    ]
    assert thumbnails(keys, folder) == {}
    assert [inside(key, folder) for key in keys] == [None] * len(keys)


def test_their_number_is_bounded_and_without_a_folder_there_are_none(folder):
    for k in range(5):
        Image.new("L", (8, 8)).save(folder / f"{k}.png")
    keys = [f"{k}.png" for k in range(5)]
    assert len(thumbnails(keys, folder, most=3)) == 3
    assert thumbnails(keys, None) == {}


def test_a_bomb_has_no_thumbnail(folder):
    Image.new("1", (9000, 9000)).save(folder / "bomb.png")
    assert thumbnails(["bomb.png"], folder) == {}
