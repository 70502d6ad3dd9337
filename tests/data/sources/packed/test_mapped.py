import pickle
import random
import tracemalloc

import numpy as np
import pytest

from covpool.data import BadSource, open_images
from covpool.formats.pixels import PixelWriter
from formats.damage import aimed, damaged, put, same_length

PIXELS = np.random.default_rng(0).integers(0, 256, (9, 8, 8, 3), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path):
    with PixelWriter(tmp_path / "set", ["cat", "dog"], {"train": 6, "val": 3}, (8, 8)) as writer:
        writer.put("train", 0, PIXELS[:6], [0, 1, 0, 1, 0, 1])
        writer.put("val", 0, PIXELS[6:], [1, 0, 1])
    return tmp_path / "set"


def test_pictures_and_labels_are_those_that_were_written(folder):
    source = open_images(folder)
    assert source.classes == ["cat", "dog"]
    assert [np.array_equal(source.val.read(i), PIXELS[6 + i]) for i in range(3)] == [True] * 3
    assert source.val.labels.tolist() == [1, 0, 1]
    part = source.train.subset([5, 2])
    assert np.array_equal(part.planes(np.array([1, 0])), PIXELS[[2, 5]].transpose(0, 3, 1, 2))


def test_another_process_gets_names_of_files_and_not_the_pictures(folder):
    source = open_images(folder)
    source.train.read(0)
    sent = pickle.dumps(source.train)
    assert len(sent) < 3000
    assert np.array_equal(pickle.loads(sent).read(3), PIXELS[3])


def test_a_damaged_set_is_a_sentence(folder):
    (folder / "val.pixels.npy").write_bytes(b"nonsense")
    with pytest.raises(BadSource, match=r"val\.pixels\.npy: it is no array"):
        open_images(folder)


@pytest.mark.parametrize("name", ["info.json", "train.pixels.npy", "train.labels.npy"])
@pytest.mark.parametrize("times", [20, pytest.param(2000, marks=pytest.mark.slow)])
def test_whatever_is_damaged_is_read_or_named_in_bounded_memory(folder, name, times):
    whole, rng = (folder / name).read_bytes(), random.Random(f"{name} {times}")
    tracemalloc.start()
    for _ in range(times):
        put(folder / name, rng.choice([damaged, same_length, aimed])(rng, whole))
        read_all(folder)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6


def read_all(folder):
    try:
        source = open_images(folder, val_fraction=0)
    except BadSource:
        return
    for images in (source.train, source.val):
        assert images is None or images.planes(np.arange(len(images))).shape[1] == 3


@pytest.mark.parametrize(
    "shape", ["(6, 3, 8, 9)", "(60000000, 3, 8, 8)", "(6,)", "()", "(6, 3, 8, 8.0)", "(-6, 3, 8, 8)"]
)
def test_a_header_that_states_another_shape_is_named(folder, shape):
    path = folder / "train.pixels.npy"
    whole = path.read_bytes()
    length = 10 + int.from_bytes(whole[8:10], "little")
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': " + shape.encode() + b", }"
    put(path, whole[:10] + header.ljust(length - 11) + b"\n" + whole[length:])
    with pytest.raises(BadSource, match=r"train\.pixels\.npy: it (holds|is no array)"):
        open_images(folder)


def test_labels_beyond_the_classes_are_named(folder):
    path = folder / "train.labels.npy"
    whole = path.read_bytes()
    for label in (2, -1, 1 << 62):
        put(path, whole[:-8] + label.to_bytes(8, "little", signed=True))
        with pytest.raises(BadSource, match="it has labels from"):
            open_images(folder)
