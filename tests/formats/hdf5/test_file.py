import random
import shutil
from pathlib import Path

import numpy as np
import pytest

from covpool.formats.corrupt import CorruptFile
from covpool.formats.hdf5 import Dataset, Group, open_hdf5
from covpool.formats.keras_h5 import read_keras_h5
from covpool.formats.matconvnet import read_matlab
from formats.damage import damaged, put, same_length, survives

FILES = Path(__file__).parents[1] / "files"  # the README there says how they were written


def ramp(*shape):
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape) / 8 - 1


def test_groups_datasets_and_attributes_are_found():
    root = open_hdf5(FILES / "keras" / "subclassed.h5")
    assert root.attributes["backend"] == "tensorflow"
    assert root.attributes["layer_names"] == ["conv2d", "batch_normalization", "dense", "sequential"]
    kernel = root.get("conv2d/net/conv2d/kernel:0")
    assert isinstance(kernel, Dataset)
    assert isinstance(root.get("/conv2d"), Group)
    assert root.get("conv2d/absent") is None
    np.testing.assert_array_equal(kernel.reader()(), ramp(3, 3, 2, 3))


def test_chunks_are_unpacked_unshuffled_and_checked(tmp_path):
    path = tmp_path / "x.h5"
    shutil.copy(FILES / "keras" / "chunked.h5", path)
    np.testing.assert_array_equal(open_hdf5(path).get("a/a/kernel:0").reader()(), ramp(17, 9))
    raw = bytearray(path.read_bytes())
    place = raw.index(b"\x78\x5e") if b"\x78\x5e" in raw else raw.index(b"\x78\x01")
    raw[place + 12] ^= 4
    path.write_bytes(raw)
    with pytest.raises(CorruptFile, match="chunk"):
        [open_hdf5(path).get(f"{name}/{name}/kernel:0").reader()() for name in ("a", "bb")]


def test_the_newer_form_of_files_is_read_and_what_is_not_is_named():
    root = open_hdf5(FILES / "keras" / "latest.h5")
    np.testing.assert_array_equal(root.get("a/w").reader()(), ramp(3, 2))
    with pytest.raises(CorruptFile, match="libver='earliest'"):
        root.get("z/chunked").reader()


@pytest.mark.parametrize("raw", [b"", b"hello", b"\x89HDF\r\n\x1a\n", b"\x89HDF\r\n\x1a\n" + b"\xff" * 100])
def test_what_is_no_hdf5_is_said_to_be_none(tmp_path, raw):
    (tmp_path / "x.h5").write_bytes(raw)
    with pytest.raises(CorruptFile, match=r"cannot read .*x.h5"):
        open_hdf5(tmp_path / "x.h5")


def mutate(tmp_path, count):
    rng, path = random.Random(0), tmp_path / "x"
    files = [
        (read_keras_h5, "keras/chunked.h5"),
        (read_keras_h5, "keras/latest.h5"),
        (read_keras_h5, "keras/whole_model.h5"),
    ]
    files = [(read, (FILES / name).read_bytes()) for read, name in [*files, (read_matlab, "matlab/dagnn_v73.mat")]]
    survived = 0
    for _ in range(count):
        read, whole = rng.choice(files)
        # the ends of these files are mostly numbers and holes; the beginning says where they are
        head = rng.choice([600, 2500, len(whole)])
        change = rng.choice([damaged, same_length, same_length])
        put(path, change(rng, whole[:head]) + whole[head:])
        survived += survives(read, path)
    return survived


def test_five_hundred_mutations_read_or_are_refused(tmp_path):
    assert 10 < mutate(tmp_path, 500) < 490


@pytest.mark.slow
def test_ten_thousand_mutations_read_or_are_refused(tmp_path):
    assert 100 < mutate(tmp_path, 10_000) < 9900
