import os

import pytest
from PIL import Image

from covpool.data import CorruptImage, open_images
from covpool.data.sources.folder import list_folder


def test_files_come_in_sorted_order_with_their_bytes(tmp_path, picture):
    paths = [
        picture(tmp_path / "b" / "2.png", 1),
        picture(tmp_path / "a b" / "\u732b.png", 2),
        picture(tmp_path / "b" / "1.png", 3),
    ]
    listing, read = list_folder(tmp_path)
    assert listing.files == ["a b/\u732b.png", "b/1.png", "b/2.png"]
    assert [read(i) for i in range(3)] == [paths[i].read_bytes() for i in (1, 2, 0)]


def test_links_to_folders_are_followed_and_circles_are_not(tmp_path, picture):
    picture(tmp_path / "elsewhere" / "1.png")
    root = tmp_path / "photos"
    root.mkdir()
    (root / "cat").symlink_to(tmp_path / "elsewhere")
    (root / "cat" / "again").symlink_to(root)
    assert list_folder(root)[0].files == ["cat/1.png"]


def test_a_dead_link_is_listed_to_be_named_when_read(tmp_path):
    (tmp_path / "1.png").symlink_to(tmp_path / "gone.png")
    listing, read = list_folder(tmp_path)
    assert listing.files == ["1.png"]
    with pytest.raises(FileNotFoundError):
        read(0)


def test_pipes_are_no_files(tmp_path):
    os.mkfifo(tmp_path / "1.png")
    assert list_folder(tmp_path)[0].files == []


def test_names_that_are_no_unicode_can_be_read_and_printed(tmp_path):
    name = os.fsencode(str(tmp_path)) + b"/caf\xe9.png"
    with open(name, "wb") as file:
        file.write(b"content")
    listing, read = list_folder(tmp_path)
    assert listing.files == ["caf\ufffd.png"]
    assert read(0) == b"content"


def test_a_file_without_an_extension_is_a_picture_by_its_content(tmp_path, picture):
    picture(tmp_path / "1.png").rename(tmp_path / "n9151jpg")
    (tmp_path / "LICENSE").write_text("text")
    assert list_folder(tmp_path)[0].files == ["n9151jpg"]


def test_hidden_folders_are_not_entered(tmp_path, picture):
    for folder in (".git", "__MACOSX"):
        picture(tmp_path / folder / "1.png")
    listing, _ = list_folder(tmp_path)
    assert listing.files == listing.folders == []


def test_pipes_and_devices_are_no_pictures(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        Image.new("RGB", (4, 4)).save(tmp_path / name / "1.png")
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "a" / "2.png").symlink_to(tmp_path / "pipe")
    (tmp_path / "b" / "2.png").symlink_to("/dev/zero")
    os.mkfifo(tmp_path / "b" / "3.png")
    found = open_images(tmp_path, val_fraction=0).train
    assert [key.split("/")[1] for key in found.keys] == ["1.png", "2.png"] * 2
    for index in (1, 3):
        with pytest.raises(CorruptImage, match="a pipe or a device"):
            found.read(index)
