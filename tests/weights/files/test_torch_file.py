import argparse
import collections
import os
import pickle
import random
import subprocess
import sys
import zipfile
from io import BytesIO

import numpy as np
import pytest
import torch
from torch import nn

from covpool.formats.corrupt import CorruptFile
from covpool.weights import read_arrays, read_torch
from formats.damage import damaged, put, same_length, survives

STATE = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)).state_dict()


def saved(content, **options):
    file = BytesIO()
    torch.save(content, file, **options)
    return file.getvalue()


def test_a_checkpoint_of_the_official_main_py_is_read(tmp_path):
    content = {
        "epoch": 90, "arch": "resnet50", "state_dict": STATE, "best_prec1": torch.tensor(77.1), "best": np.float64(7),
        "optimizer": {"state": {0: {"momentum_buffer": torch.zeros(2)}}, "param_groups": [{"lr": 0.1, "params": [0]}]},
        "args": argparse.Namespace(lr=0.1, model="r50"), "milestones": collections.Counter([30]), "step": np.int64(3),
    }  # fmt: skip
    for options in ({}, {"_use_new_zipfile_serialization": False}):
        (tmp_path / "a.pth.tar").write_bytes(saved(content, **options))
        arrays = read_arrays(tmp_path / "a.pth.tar")
        assert list(arrays) == list(STATE)
        assert all(torch.equal(arrays[name], STATE[name]) for name in STATE)
    assert read_torch(tmp_path / "a.pth.tar")["args"].lr == 0.1


def test_extra_things_in_a_state_dict_are_left_out_and_named(tmp_path):
    torch.save({"state_dict": {**STATE, "extra": "text"}}, tmp_path / "a.pth")
    arrays = read_arrays(tmp_path / "a.pth")
    assert arrays.left_out == {"extra": "a str"}
    assert "extra" not in arrays


class Evil:
    def __reduce__(self):
        return os.system, ("touch pwned",)


@pytest.mark.parametrize("options", [{}, {"_use_new_zipfile_serialization": False}], ids=["zip", "legacy"])
def test_code_is_named_and_not_run(tmp_path, monkeypatch, options):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.pth").write_bytes(saved({"w": torch.zeros(1), "x": Evil()}, **options))
    with pytest.raises(CorruptFile, match=r"it asks for posix\.system, and only plain data is read"):
        read_arrays("a.pth")
    assert os.listdir() == ["a.pth"]


class Giant:
    def __init__(self, make, *arguments):
        self.how = make, arguments

    def __reduce__(self):
        return self.how


@pytest.mark.parametrize(
    ("giant", "name"), [(Giant(bytearray, 10**11), "bytearray"), (Giant(torch.Tensor, 10**11), "Tensor")]
)
def test_what_would_only_fill_the_memory_is_refused(tmp_path, giant, name):
    raw = pickle.dumps({"w": giant}, protocol=2)
    with zipfile.ZipFile(tmp_path / "a.pth", "w") as archive:
        archive.writestr("a/data.pkl", raw)
        archive.writestr("a/version", "3\n")
    with pytest.raises(CorruptFile, match=f"asks for .*{name}"):
        read_arrays(tmp_path / "a.pth")


def test_compressed_archives_are_refused(tmp_path):
    with zipfile.ZipFile(BytesIO(saved(STATE))) as source, zipfile.ZipFile(tmp_path / "a.pth", "w", 8) as target:
        for name in source.namelist():
            target.writestr(name, source.read(name))
    with pytest.raises(CorruptFile, match="compressed or overlap"):
        read_arrays(tmp_path / "a.pth")


@pytest.mark.parametrize(
    ("tensor", "sentence"),
    [
        (torch.zeros(1).expand(1 << 30), "says one number many times"),
        (torch.zeros(3, 3).to_sparse(), "asks for torch._utils._rebuild_sparse_tensor"),
        (torch.empty(3, device="meta"), "asks for torch._utils._rebuild_meta_tensor"),
    ],
)
def test_tensors_that_are_not_plain_numbers_are_refused(tmp_path, tensor, sentence):
    torch.save({"w": tensor}, tmp_path / "a.pth")
    with pytest.raises(CorruptFile, match=sentence):
        read_arrays(tmp_path / "a.pth")


def test_the_same_numbers_over_and_over_are_refused_but_tied_weights_are_not(tmp_path):
    shared = torch.randn(100)
    torch.save({"a": shared, "b": shared}, tmp_path / "a.pth")
    assert torch.equal(read_arrays(tmp_path / "a.pth")["b"], shared)
    torch.save({str(i): shared for i in range(50)}, tmp_path / "a.pth")
    with pytest.raises(CorruptFile, match="over and over"):
        read_arrays(tmp_path / "a.pth")


def test_a_shape_that_its_storage_cannot_fill_is_refused(tmp_path):
    raw = saved({"w": torch.zeros(7, 5)}).replace(b"K\x07K\x05\x86", b"K\xffK\xff\x86")
    (tmp_path / "a.pth").write_bytes(resigned(raw))
    with pytest.raises(CorruptFile, match="cannot be read as a PyTorch file"):
        read_arrays(tmp_path / "a.pth")


def resigned(raw, change=bytes):
    """The same archive, its pickle changed, with checksums that fit."""
    source = raw.index(b"PK\x05\x06") and BytesIO(raw)
    out = BytesIO()
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(out, "w") as new:
        for entry in old.infolist():
            start = entry.header_offset + 30 + int.from_bytes(raw[entry.header_offset + 26 :][:2], "little")
            start += int.from_bytes(raw[entry.header_offset + 28 :][:2], "little")
            data = raw[start : start + entry.file_size]
            new.writestr(entry.filename, change(data) if entry.filename.endswith("data.pkl") else data)
    return out.getvalue()


def mutate(tmp_path, count):
    rng, path = random.Random(0), tmp_path / "x.pth"
    new, old = saved({"state_dict": STATE}), saved(STATE, _use_new_zipfile_serialization=False)
    survived = 0
    for _ in range(count):
        match rng.randrange(4):
            case 0:
                data = damaged(rng, new)
            case 1:
                data = resigned(new, lambda raw: damaged(rng, raw))
            case 2:
                data = resigned(new, lambda raw: same_length(rng, raw))
            case _:
                data = old[:14] + damaged(rng, old[14:])
        put(path, data)
        survived += survives(read_arrays, path)
    return survived


def test_five_hundred_mutations_read_or_are_refused(tmp_path):
    assert 10 < mutate(tmp_path, 500) < 490


@pytest.mark.slow
def test_ten_thousand_mutations_read_or_are_refused(tmp_path):
    assert 100 < mutate(tmp_path, 10_000) < 9900


MEASURE = """
import resource, sys
from covpool.weights import read_arrays
def peak(): return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
before = peak()
try:
    arrays = read_arrays(sys.argv[1])
    sum(float(arrays[name].sum()) for name in arrays)
except ValueError:
    pass
print(peak() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in KiB on Linux alone")
@pytest.mark.parametrize("storage", ["zip", pytest.param("legacy", marks=pytest.mark.slow)])
def test_memory_stays_under_twice_the_file(tmp_path, storage):
    path = tmp_path / "a.pth"
    tensors = {str(i): torch.ones(1 << 20) for i in range(16)}
    torch.save(tensors, path, _use_new_zipfile_serialization=storage == "zip")
    out = subprocess.run([sys.executable, "-c", MEASURE, str(path)], capture_output=True, text=True, check=True).stdout
    assert int(out) < 2 * path.stat().st_size
