import random
import tracemalloc

import numpy as np
import pytest

from covpool.data import BadSource, CorruptImage, open_images
from covpool.formats import CorruptFile
from formats.damage import aimed, damaged, put, same_length

h5py = pytest.importorskip("h5py")


def write(
    path, wrapped=False, chunks=None, labels=(1, 5, 2, 10, 6, 8, 7, 4, 3, 9), sets=(1,) * 7 + (2,) * 3, **options
):
    """As the fake file of GM-SOP: everything reversed, since MATLAB counts its first dimension fastest."""
    data = np.random.default_rng(0).integers(0, 255, (6, 4, 3, 10), dtype=np.uint8)  # H, W, 3, N in MATLAB
    with h5py.File(path, "w") as file:
        top = file.create_group("imdb") if wrapped else file
        images = top.create_group("images")
        images.create_dataset("data", data=data.transpose(3, 2, 1, 0).copy(), chunks=chunks, **options)
        images.create_dataset("labels", data=np.array(labels, float)[:, None])
        images.create_dataset("set", data=np.array(sets, float)[:, None])
    return data


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"wrapped": True},
        {"chunks": (10, 3, 4, 3), "compression": "gzip"},  # the official file is cut along one side of the picture
        {"chunks": (3, 2, 4, 6), "compression": "gzip", "shuffle": True},
        {"chunks": (1, 3, 4, 6)},
    ],
)
def test_pictures_stand_upright_and_labels_count_from_0(tmp_path, how):
    data = write(tmp_path / "imdb.mat", **how)
    source = open_images(tmp_path / "imdb.mat")
    assert source.classes == [str(i) for i in range(1, 11)]
    assert source.train.labels.tolist() == [0, 4, 1, 9, 5, 7, 6]
    assert source.val.labels.tolist() == [3, 2, 8]
    for i in range(3):
        assert source.val.read(i).size == (4, 6)
        assert np.array_equal(source.val.read(i), data[..., 7 + i])
    assert np.array_equal(source.train.planes(np.array([6, 0]))[0], data[..., 6].transpose(2, 0, 1))


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ({"labels": (0,) * 10}, "they count from 1"),
        ({"labels": (1.5,) * 10}, "not 10 whole ones"),
        ({"labels": (1,) * 9}, "has 9 numbers"),
        ({"labels": (1e300,) * 10}, "beyond"),
        ({"sets": (7,) * 10}, "values other than 1, 2 and 3"),
    ],
)
def test_numbers_that_do_not_fit_are_named(tmp_path, how, sentence):
    write(tmp_path / "imdb.mat", **how)
    with pytest.raises(BadSource, match=sentence):
        open_images(tmp_path / "imdb.mat")


def test_other_files_of_that_ending_are_named(tmp_path):
    (tmp_path / "a.mat").write_bytes(b"MATLAB 5.0 MAT-file")
    with pytest.raises(BadSource, match="cannot read"):
        open_images(tmp_path / "a.mat")
    with h5py.File(tmp_path / "b.mat", "w") as file:
        file.create_dataset("net", data=[1.0])
    with pytest.raises(BadSource, match="it is no image database"):
        open_images(tmp_path / "b.mat")


FORMS = {
    "in one piece": {},
    "wrapped, shuffled and packed": {
        "wrapped": True,
        "chunks": (3, 2, 4, 6),
        "compression": "gzip",
        "shuffle": True,
    },
    "with checksums": {"chunks": (10, 3, 4, 3), "compression": "gzip", "fletcher32": True},
    "unpacked chunks": {"chunks": (1, 3, 4, 6)},
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("times", [12, pytest.param(1000, marks=pytest.mark.slow)])
def test_whatever_is_damaged_is_read_or_named_in_bounded_memory(tmp_path, form, times):
    path, rng = tmp_path / "imdb.mat", random.Random(f"{form} {times}")
    write(path, **FORMS[form])
    whole = path.read_bytes()
    tracemalloc.start()
    for _ in range(times):
        put(path, rng.choice([damaged, same_length, aimed, aimed])(rng, whole))
        read_all(path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 100e6  # labels of up to 1,048,576 classes are believed, and each has a name


def read_all(path):
    try:
        source = open_images(path, val_fraction=0)
    except BadSource:
        return
    for images in (source.train, source.val, source.test):
        for index in range(len(images) if images is not None else 0):
            try:
                images.read(index)
                images.planes(np.array([index]))
            except (CorruptImage, CorruptFile):
                continue


def test_a_file_that_is_cut_anywhere_is_read_or_named(tmp_path):
    path = tmp_path / "imdb.mat"
    write(path, **FORMS["wrapped, shuffled and packed"])
    whole = path.read_bytes()
    for length in range(0, len(whole), 97):
        put(path, whole[:length])
        read_all(path)
