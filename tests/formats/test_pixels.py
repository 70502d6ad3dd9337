import json
import random
from contextlib import suppress

import numpy as np
import pytest

from covpool.formats import CorruptFile
from covpool.formats.pixels import PixelWriter, open_labels, open_pixels, read_pixel_info
from formats.damage import damaged, put

PIXELS = np.random.default_rng(0).integers(0, 256, (5, 4, 6, 3), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path):
    with PixelWriter(tmp_path / "set", ["cat", "dog"], {"train": 5, "val": 2, "test": 0}, (4, 6)) as writer:
        writer.put("train", 2, PIXELS[2:], [1, 1, 0])
        writer.put("train", 0, PIXELS[:2], [0, 1])
        writer.put("val", 0, PIXELS[:2], [1, 0])
    return tmp_path / "set"


def test_pictures_come_back_and_stay_on_disk(folder):
    info = read_pixel_info(folder)
    pixels = open_pixels(folder, info, "train")
    assert isinstance(pixels, np.memmap)
    assert np.array_equal(pixels, PIXELS.transpose(0, 3, 1, 2))
    assert open_labels(folder, info, "train").tolist() == [0, 1, 1, 1, 0]
    assert open_pixels(folder, info, "test").shape == (0, 3, 4, 6)
    assert np.allclose(info.mean, PIXELS.mean(axis=(0, 1, 2)))


def test_a_half_written_set_has_no_name_yet(tmp_path):
    with pytest.raises(KeyError), PixelWriter(tmp_path / "set", ["a"], {"train": 1}, (4, 6)) as writer:
        writer.put("nonsense", 0, PIXELS, [0] * 5)
    assert not (tmp_path / "set").exists()
    assert (tmp_path / "set.part").exists()


def test_a_set_is_never_written_over(folder):
    with pytest.raises(FileExistsError, match="needed a new folder"):
        PixelWriter(folder, ["a"], {"train": 1}, (4, 6))


def test_wrong_pictures_are_refused(tmp_path):
    writer = PixelWriter(tmp_path / "set", ["a"], {"train": 1}, (4, 6))
    with pytest.raises(ValueError, match=r"needed uint8 \(n, 4, 6, 3\) and n labels; got float64"):
        writer.put("train", 0, PIXELS[:1].astype(float), [0])


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"format": "other"}, "its format is not"),
        ({"version": 9}, "of version 9"),
        ({"counts": {"train": 6}}, r"instead of uint8 of shape \(6, 3, 4, 6\)"),
        ({"counts": {"../train": 5}}, "its counts are no counts"),
        ({"counts": {"train": -5}}, "its counts are no counts"),
        ({"counts": None}, "counts no splits"),
        ({"classes": ["cat"]}, "labels from 0 to 1 for 1 classes"),
        ({"classes": [1, 2]}, "its classes are no names"),
        ({"mean": [1, 2]}, "its mean is not"),
        ({"height": 10**9}, "instead of uint8 of shape"),
    ],
)
def test_a_description_that_does_not_fit_is_refused(folder, change, sentence):
    path = folder / "info.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(CorruptFile, match=sentence):
        read_pixel_info(folder)


def test_a_cut_or_missing_array_is_named(folder):
    path = folder / "train.pixels.npy"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(CorruptFile, match=r"train\.pixels\.npy"):
        read_pixel_info(folder)
    path.unlink()
    with pytest.raises(CorruptFile, match="it is missing"):
        read_pixel_info(folder)


def test_an_array_of_objects_is_not_unpickled(folder):
    np.save(folder / "train.labels.npy", np.array([print] * 5, dtype=object), allow_pickle=True)
    with pytest.raises(CorruptFile, match="no array as numpy"):
        read_pixel_info(folder)


@pytest.mark.parametrize("name", ["info.json", "val.pixels.npy", "val.labels.npy"])
def test_damaged_files_are_read_or_named(folder, name):
    whole, rng = (folder / name).read_bytes(), random.Random(1)
    for _ in range(100):
        put(folder / name, damaged(rng, whole))
        with suppress(CorruptFile):
            read_pixel_info(folder)
