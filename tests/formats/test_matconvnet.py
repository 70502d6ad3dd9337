import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from scipy.io import savemat

from covpool.formats.corrupt import CorruptFile
from covpool.formats.matconvnet import network_value, read_matlab

V73 = Path(__file__).parent / "files" / "matlab" / "dagnn_v73.mat"
PARAMETERS = {
    "conv1_f": (3, 3, 3, 4), "conv1_b": (4, 1), "conv1_bn_m": (4, 2), "gating_w": (7, 5), "prediction_f": (1, 1, 6, 3),
    "one": (1, 1),
}  # fmt: skip


def ramp(*shape):
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape) / 8 - 1


def cell(values):
    row = np.empty((1, len(values)), object)
    for place, value in enumerate(values):
        row[0, place] = value
    return row


def save_dagnn(path, **options):
    rows = np.zeros((1, len(PARAMETERS)), [("name", object), ("value", object), ("learningRate", object)])
    for place, (name, shape) in enumerate(PARAMETERS.items()):
        rows[0, place] = (name, ramp(*shape), 1.0)
    mean = {"normalization": {"averageImage": np.float64([[1, 2, 3]])}}
    savemat(path, {"net": {"params": rows, "meta": mean}, "state": {"momentum": cell([np.zeros(3)])}}, **options)
    return path


@pytest.fixture(params=["v6", "v7", "v7.3"])
def path(request, tmp_path):
    return V73 if request.param == "v7.3" else save_dagnn(tmp_path / "a.mat", do_compression=request.param == "v7")


def test_the_parameters_of_a_dagnn_network_have_matlabs_shapes(path):
    arrays = read_matlab(path)
    assert list(arrays) == list(PARAMETERS)
    for name, shape in PARAMETERS.items():
        assert arrays.stored[name].shape == shape
        np.testing.assert_array_equal(arrays[name], ramp(*shape))
    assert arrays.left_out == {"state": "a struct"}


def test_other_values_of_the_network_can_be_asked_for(path):
    assert network_value(path, "meta", "normalization", "averageImage").load().tolist() == [[1, 2, 3]]
    assert network_value(path, "meta", "nothing") is None


def test_a_cell_of_arrays_is_a_list_and_its_rows_are_vectors(tmp_path):
    written = [ramp(3, 3, 2, 4), ramp(4), ramp(5, 1), ramp(2, 3)]
    savemat(tmp_path / "a.mat", {"epoch": 3, "params": cell(written)})
    arrays = read_matlab(tmp_path / "a.mat")
    assert list(arrays) == ["0", "1", "2", "3"]
    assert arrays.listed
    for array, expected in zip(arrays.values(), written, strict=True):
        np.testing.assert_array_equal(array, expected)


def test_plain_variables_are_arrays_by_name(tmp_path):
    savemat(tmp_path / "a.mat", {"w": ramp(2, 3), "note": "hello"})
    arrays = read_matlab(tmp_path / "a.mat")
    assert (list(arrays), arrays.left_out) == (["w"], {"note": "a text"})


@pytest.mark.parametrize("content", [{"layers": cell([1.0])}, {"params": {"name": "a"}}])
def test_a_network_of_another_kind_is_refused(tmp_path, content):
    savemat(tmp_path / "a.mat", {"net": content})
    with pytest.raises(CorruptFile, match=r"saveobj|no name of its own"):
        read_matlab(tmp_path / "a.mat")


@pytest.mark.slow
def test_a_giant_that_was_packed_small_is_refused_before_it_is_made(tmp_path):
    size = 300 << 22
    start = struct.pack("<II", 14, 56 + size)
    description = struct.pack("<4I2I2i2I4s4x2I", 6, 8, 7, 0, 5, 8, 300, 1 << 20, 1, 1, b"w", 7, size)
    packer = zlib.compressobj(1)
    packed = [packer.compress(start + description), *(packer.compress(bytes(1 << 22)) for _ in range(300))]
    element = b"".join([*packed, packer.flush()])
    header = b"MATLAB 5.0".ljust(124) + b"\0\1IM"
    (tmp_path / "a.mat").write_bytes(header + struct.pack("<II", 15, len(element)) + element)
    with pytest.raises(CorruptFile, match="more than 16 times the file"):
        read_matlab(tmp_path / "a.mat")
