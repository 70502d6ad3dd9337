import random
import struct
import zlib

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from covpool.formats.corrupt import CorruptFile
from covpool.formats.matlab import Cell, Numbers, Struct, Text, Unread, read_mat5
from formats.damage import damaged, put, same_length

TYPES = ["f4", "f8", "i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8"]


def content():
    cell = np.empty((1, 3), object)
    cell[0, :] = [np.float32([[1, 2]]), "text", np.zeros((0, 0))]
    return {
        **{kind: np.arange(6).astype(kind).reshape(2, 3) for kind in TYPES},
        "four": np.arange(24, dtype="f4").reshape(2, 3, 2, 2),
        "truth": np.array([[True, False]]),
        "word": "conv1_f",
        "cell": cell,
        "struct": {"pad": np.float64([[1, 2, 3]]), "name": "x", "deep": {"a": 1.5}},
        "complex": np.array([[1 + 2j]]),
    }


@pytest.fixture(params=[False, True], ids=["plain", "compressed"])
def path(request, tmp_path):
    savemat(tmp_path / "a.mat", content(), do_compression=request.param)
    return tmp_path / "a.mat"


def test_numbers_of_every_type_come_as_scipy_wrote_them(path):
    variables, reference = read_mat5(path), loadmat(path)
    for name in [*TYPES, "four", "truth"]:
        value = variables[name]
        assert isinstance(value, Numbers)
        assert value.shape == reference[name].shape
        loaded = value.load()
        np.testing.assert_array_equal(loaded, reference[name])
        assert loaded.dtype == value.dtype
    assert variables["f4"].load().dtype == np.float32


def test_arrays_can_be_read_in_any_order_and_again(path):
    variables = read_mat5(path)
    for name in [*reversed(TYPES), *TYPES]:
        assert variables[name].load().sum() == 15


def test_texts_cells_and_structs_have_their_parts(path):
    variables = read_mat5(path)
    assert variables["word"] == Text("conv1_f")
    cell, struct = variables["cell"], variables["struct"]
    assert isinstance(cell, Cell)
    assert cell.shape == (1, 3)
    assert cell.items[0].load().tolist() == [[1, 2]]
    assert cell.items[1] == Text("text")
    assert cell.items[2].load().shape == (0, 0)
    assert isinstance(struct, Struct)
    assert struct.one("name") == Text("x")
    assert struct.one("deep").one("a").load() == 1.5
    assert struct.one("absent") is None
    assert isinstance(variables["complex"], Unread)


def test_struct_arrays_have_a_value_an_element(tmp_path):
    rows = np.zeros((1, 2), [("name", object), ("value", object)])
    rows[0, 0], rows[0, 1] = ("a", np.float32([[1]])), ("b", np.float32([[2], [3]]))
    savemat(tmp_path / "a.mat", {"params": rows})
    params = read_mat5(tmp_path / "a.mat")["params"]
    assert params.shape == (1, 2)
    assert params.fields["name"] == [Text("a"), Text("b")]
    assert params.fields["value"][1].load().shape == (2, 1)


def test_files_with_the_big_end_first_are_read(tmp_path):
    flags, dims = struct.pack(">IIII", 6, 8, 7, 0), struct.pack(">IIii", 5, 8, 1, 2)
    matrix = flags + dims + struct.pack(">HH4s", 1, 1, b"w") + struct.pack(">IIff", 7, 8, 1.5, -2)
    (tmp_path / "a.mat").write_bytes(
        b"MATLAB 5.0".ljust(124) + b"\1\0MI" + struct.pack(">II", 14, len(matrix)) + matrix
    )
    assert read_mat5(tmp_path / "a.mat")["w"].load().tolist() == [[1.5, -2]]


def written(matrix, *, packed=False):
    element = struct.pack("<II", 14, len(matrix)) + matrix
    if packed:
        element = zlib.compress(element)
        element = struct.pack("<II", 15, len(element)) + element
    return b"MATLAB 5.0".ljust(124) + b"\0\1IM" + element


TWO = struct.pack("<IIff", 7, 8, 1, 2)


def described(kind=7, dims=(1, 2), data=TWO):
    flags = struct.pack("<IIII", 6, 8, kind, 0)
    shape = struct.pack("<II", 5, 4 * len(dims)) + struct.pack(f"<{len(dims)}i", *dims) + bytes(4 * (len(dims) % 2))
    return flags + shape + struct.pack("<HH4s", 1, 1, b"w") + data


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    ("matrix", "sentence"),
    [
        (described(dims=(1 << 30, 1 << 30)), "8 bytes cannot be an array"),
        (described(dims=(-1, 2)), "impossible shape"),
        (described(dims=(1,) * 40), "impossible description"),
        (described(data=struct.pack("<II", 7, 1 << 31)), "more than there are"),
        (described(data=struct.pack("<IIff", 99, 8, 1, 2)), "stored as type 99"),
        (described(kind=1, dims=(1 << 20, 1 << 8)), "values do not fit"),
        (described(kind=40), "unknown class 40"),
        (described()[:20], "cut or damaged"),
    ],
)
def test_damage_is_one_clear_error(tmp_path, matrix, sentence, packed):
    (tmp_path / "a.mat").write_bytes(written(matrix, packed=packed))
    with pytest.raises(CorruptFile, match=sentence):
        read_mat5(tmp_path / "a.mat")


def test_a_packed_variable_keeps_its_checksum(tmp_path):
    raw = bytearray(written(described(), packed=True))
    raw[-1] ^= 1
    (tmp_path / "a.mat").write_bytes(raw)
    with pytest.raises(CorruptFile, match="cannot be unpacked"):
        read_mat5(tmp_path / "a.mat")


@pytest.mark.parametrize("raw", [b"", b"hello", b"MATLAB 5.0".ljust(126) + b"XX", bytes(200)])
def test_what_is_no_matlab_file_is_said_to_be_none(tmp_path, raw):
    (tmp_path / "a.mat").write_bytes(raw)
    with pytest.raises(CorruptFile, match=r"no MATLAB file|empty"):
        read_mat5(tmp_path / "a.mat")


def load_all(value):
    if isinstance(value, Numbers):
        value.load()
    for inner in getattr(value, "items", None) or [v for vs in getattr(value, "fields", {}).values() for v in vs]:
        load_all(inner)


def reads(path):
    try:
        for value in read_mat5(path).values():
            load_all(value)
    except CorruptFile:
        return False
    return True


def mutate(tmp_path, count):
    """Whole files, plain and compressed; and compressed ones whose content was damaged before it was packed."""
    rng, path = random.Random(0), tmp_path / "x.mat"
    small = {name: content()[name] for name in ("f4", "u2", "truth", "word", "cell", "struct", "complex")}
    savemat(path, small, do_compression=True)
    packed = path.read_bytes()
    savemat(path, small)
    plain = path.read_bytes()
    survived = 0
    for _ in range(count):
        kind = rng.randrange(4)
        if kind < 2:
            data = damaged(rng, plain[128:])
        elif kind == 2:
            data = damaged(rng, packed[128:])
        else:
            inside = zlib.compress(same_length(rng, plain[128:][: rng.randrange(64, len(plain) - 128)]), 1)
            data = struct.pack("<II", 15, len(inside)) + inside
        put(path, plain[:128] + data)
        survived += reads(path)
    return survived


def test_ten_thousand_mutations_read_or_are_refused(tmp_path):
    assert 100 < mutate(tmp_path, 10_000) < 9500
