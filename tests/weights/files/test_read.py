import logging
import random
import shutil
import tarfile
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from scipy.io import savemat

from covpool.formats.corrupt import CorruptFile
from covpool.formats.mindspore_ckpt import write_mindspore
from covpool.formats.tensorflow import write_tensorflow
from covpool.weights import read_arrays
from covpool.weights.files import find_format
from formats.damage import damaged, put, same_length, survives

FILES = Path(__file__).parents[2] / "formats" / "files"
WEIGHTS = {"conv.weight": np.arange(24, dtype=np.float32).reshape(2, 3, 2, 2), "conv.bias": np.float32([1, -1])}


def write(kind, path):
    match kind:
        case "torch":
            torch.save({name: torch.from_numpy(array) for name, array in WEIGHTS.items()}, path)
        case "old torch":
            tensors = {name: torch.from_numpy(array) for name, array in WEIGHTS.items()}
            torch.save(tensors, path, _use_new_zipfile_serialization=False)
        case "safetensors":
            save_file(WEIGHTS, path)
        case "mindspore":
            write_mindspore(WEIGHTS, path)
        case "matlab":
            rows = np.zeros((1, 2), [("name", object), ("value", object)])
            rows[0, :] = list(WEIGHTS.items())
            savemat(path, {"net": {"params": rows}})


@pytest.mark.parametrize("kind", ["torch", "old torch", "safetensors", "mindspore", "matlab"])
def test_the_content_tells_the_format_whatever_the_name(kind, tmp_path):
    path = tmp_path / "weights.bin"
    write(kind, path)
    arrays = read_arrays(path)
    assert list(arrays) == list(WEIGHTS) or kind == "safetensors"
    for name, array in WEIGHTS.items():
        np.testing.assert_array_equal(np.squeeze(arrays[name]), array)


def test_a_tensorflow_checkpoint_is_named_by_any_of_its_files(tmp_path):
    write_tensorflow(WEIGHTS, tmp_path / "model.ckpt-3")
    for name in ("model.ckpt-3", "model.ckpt-3.index", "model.ckpt-3.data-00000-of-00001"):
        assert set(read_arrays(tmp_path / name)) == set(WEIGHTS)


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("mindspore/net.ckpt", "MindSpore"),
        ("tensorflow/types.index", "TensorFlow checkpoint"),
        ("keras/subclassed.h5", "Keras HDF5"),
        ("matlab/dagnn_v73.mat", "MATLAB 7.3, dagnn network"),
    ],
)
def test_files_of_the_programs_themselves_are_told_apart(name, form, tmp_path):
    assert read_arrays(FILES / name).format == form


REFUSED = {
    "it is empty": b"",
    "of no format that is known": b"hello, world" * 10,
    "gzip-compressed; run gunzip": b"\x1f\x8b\x08\x00" + bytes(20),
    "a web page": b"<!DOCTYPE html><html>",
    "a pointer of git-lfs": b"version https://git-lfs.github.com/spec/v1\n",
    "a single array of NumPy": b"\x93NUMPY\x01\x00",
    "a Python pickle and none of PyTorch": b"\x80\x04\x95\x00",
    "TensorFlow's first checkpoint format": (FILES / "tensorflow" / "first_format.ckpt").read_bytes(),
}


@pytest.mark.parametrize("sentence", REFUSED)
def test_what_is_no_file_of_weights_is_named_for_what_it_is(sentence, tmp_path):
    (tmp_path / "x.pth").write_bytes(REFUSED[sentence])
    with pytest.raises(CorruptFile, match=sentence):
        read_arrays(tmp_path / "x.pth")


def test_a_missing_file_and_an_old_tar_are_refused(tmp_path):
    with pytest.raises(CorruptFile, match="there is no such file"):
        read_arrays(tmp_path / "absent.pth")
    with tarfile.open(tmp_path / "old.pth", "w") as tar:
        tar.add(__file__, "sys_info")
    with pytest.raises(CorruptFile, match=r"before 0.1.10 \(2017\), whose files run code"):
        read_arrays(tmp_path / "old.pth")


def test_nothing_is_read_before_it_is_asked_for(tmp_path):
    big = {"w": np.zeros(1 << 22, np.float32)}
    write_mindspore(big, tmp_path / "x.ckpt")
    tracemalloc.start()
    arrays = read_arrays(tmp_path / "x.ckpt")
    assert arrays.stored["w"].shape == (1 << 22,)
    assert tracemalloc.get_traced_memory()[1] < 1 << 20
    arrays["w"]
    assert tracemalloc.get_traced_memory()[1] < 2 * big["w"].nbytes
    tracemalloc.stop()


def test_a_zip_that_is_no_torch_file_is_refused(tmp_path):
    np.savez(tmp_path / "a.npz", **WEIGHTS)
    with pytest.raises(CorruptFile, match=r"no data\.pkl"):
        read_arrays(tmp_path / "a.npz")
    with zipfile.ZipFile(tmp_path / "b.pth", "w") as archive:
        archive.writestr("b/data.pkl", b"")
        archive.writestr("b/code/model.py", "raise SystemExit")
    with pytest.raises(CorruptFile, match="a script with code"):
        read_arrays(tmp_path / "b.pth")


def test_safetensors_are_refused_when_cut(tmp_path):
    write("safetensors", tmp_path / "a.safetensors")
    raw = (tmp_path / "a.safetensors").read_bytes()
    (tmp_path / "a.safetensors").write_bytes(raw[:-1])
    with pytest.raises(CorruptFile, match="safetensors finds it damaged"):
        read_arrays(tmp_path / "a.safetensors")


def test_the_folder_of_a_checkpoint_is_enough(tmp_path):
    for path in (FILES / "tensorflow").glob("model.ckpt-7.*"):
        shutil.copy(path, tmp_path)
    (tmp_path / "checkpoint").write_text('model_checkpoint_path: "model.ckpt-7"\n')
    assert find_format(tmp_path)(tmp_path)["global_step"] == 7


def test_where_the_weights_were_found_is_said_in_the_log(tmp_path, caplog):
    torch.save({"model": {"state_dict": {"w": torch.ones(1)}}, "epoch": 1}, tmp_path / "a.pth")
    with caplog.at_level(logging.INFO, "covpool"):
        assert list(read_arrays(tmp_path / "a.pth")) == ["w"]
    assert "taking the weights under 'model'.'state_dict'" in caplog.text


SMALL = [
    "mindspore/types.ckpt", "mindspore/slices.ckpt", "tensorflow/model.ckpt-7.index", "tensorflow/tf2opt.index",
    "keras/chunked.h5", "keras/subclassed.h5", "matlab/dagnn_v73.mat",
]  # fmt: skip


@pytest.mark.parametrize("name", SMALL)
def test_a_damaged_file_takes_no_more_memory_than_a_sound_one(name, tmp_path):
    """Twice the file, and what the reader itself needs for a list of names."""
    rng = random.Random(0)
    source = FILES / name
    for beside in source.parent.glob(f"{source.stem}.*"):
        shutil.copy(beside, tmp_path)
    path, whole = tmp_path / source.name, source.read_bytes()
    tracemalloc.start()
    for _ in range(20):
        put(path, same_length(rng, whole))
        survives(read_arrays, path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2 * len(whole) + (1 << 20)


def mutate(tmp_path, count):
    rng, path = random.Random(0), tmp_path / "x.safetensors"
    write("safetensors", path)
    whole = path.read_bytes()
    survived = 0
    for _ in range(count):
        put(path, rng.choice([damaged, same_length])(rng, whole))
        survived += survives(read_arrays, path)
    return survived


def test_a_thousand_mutated_safetensors_read_or_are_refused(tmp_path):
    assert 100 < mutate(tmp_path, 1000) < 950


@pytest.mark.slow
def test_ten_thousand_mutated_safetensors_read_or_are_refused(tmp_path):
    assert 1000 < mutate(tmp_path, 10_000) < 9500
