import random
from pathlib import Path

import numpy as np
import pytest

from covpool.formats.corrupt import CorruptFile
from covpool.formats.mindspore_ckpt import read_mindspore, write_mindspore
from covpool.formats.protobuf import write_field
from formats.damage import damaged, put, survives

FILES = Path(__file__).parent / "files" / "mindspore"  # the README there says how MindSpore wrote them


def ramp(*shape):
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape) / 8 - 1


def test_a_network_that_mindspore_saved_is_read():
    arrays = read_mindspore(FILES / "net.ckpt")
    assert list(arrays)[:6] == [
        "conv.weight", "conv.bias", "bn.moving_mean", "bn.moving_variance", "bn.gamma", "bn.beta",
    ]  # fmt: skip
    for name in list(arrays)[:8]:
        np.testing.assert_array_equal(arrays[name], ramp(*arrays[name].shape))
    assert arrays["conv.weight"].shape == (3, 2, 3, 3)


def test_what_append_dict_added_are_plain_numbers_and_texts_are_left_out():
    arrays = read_mindspore(FILES / "net.ckpt")
    assert (arrays["epoch_num"].shape, int(arrays["epoch_num"]), float(arrays["lr"])) == ((), 3, 0.125)
    assert arrays.left_out == {"note": "a text"}


def test_every_type_is_read_and_the_checksum_is_verified(tmp_path):
    arrays = read_mindspore(FILES / "types.ckpt")
    assert len(arrays) == 14
    for name in set(arrays) - {"scalar"}:
        expected = [[0, 1, 2], [3, 4, 5]] if name != "Bool" else [[False, True, True], [True, True, True]]
        assert arrays[name].tolist() == expected
        assert arrays.stored[name].dtype == name.lower()
        assert arrays[name].dtype == ("float32" if name == "BFloat16" else name.lower())
    raw = bytearray((FILES / "types.ckpt").read_bytes())
    raw[60] ^= 1
    (tmp_path / "x.ckpt").write_bytes(raw)
    with pytest.raises(CorruptFile, match="checksum does not fit"):
        read_mindspore(tmp_path / "x.ckpt")


def test_an_array_in_slices_is_put_together():
    arrays = read_mindspore(FILES / "slices.ckpt")
    np.testing.assert_array_equal(arrays["big"], np.arange(600, dtype=np.float32).reshape(20, 30))
    assert arrays["small"].tolist() == [1, 1]


def test_an_encrypted_file_is_named_as_a_possibility():
    with pytest.raises(CorruptFile, match="encrypted"):
        read_mindspore(FILES / "enc.ckpt")


@pytest.mark.parametrize("options", [{}, {"crc_check": True}, {"slice_size": 8}])
def test_what_is_written_comes_back(tmp_path, options):
    written = {
        "w": ramp(3, 4), "n": np.array(3), "empty": np.zeros((3, 0), np.float16), "b": np.array([True, False]),
        "big end": ramp(5).astype(">f4"),
    }  # fmt: skip
    write_mindspore(written, tmp_path / "x.ckpt", **options)
    arrays = read_mindspore(tmp_path / "x.ckpt")
    assert list(arrays) == list(written)
    for name, array in written.items():
        assert arrays[name].shape == array.shape
        np.testing.assert_array_equal(arrays[name], array)


def test_a_type_that_mindspore_has_not_is_not_written(tmp_path):
    with pytest.raises(ValueError, match=r"holds Float16.*'z' is complex128"):
        write_mindspore({"z": np.zeros(2, complex)}, tmp_path / "x.ckpt")


def tensor(dims=b"\x08\x02", kind=b"Float32", raw=bytes(8), tag=b"w"):
    inside = dims + write_field(2, kind) + write_field(3, raw)
    return write_field(1, write_field(1, tag) + write_field(2, inside))


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (tensor(dims=b"\x08\xff\xff\xff\xff\x0f"), "cannot have 8 bytes"),
        (tensor(dims=b"\x08\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), "cannot have 8 bytes"),
        (tensor(dims=b"\x08\x02" * 40), "more than 32 dimensions"),
        (tensor(kind=b"Complex64"), "unknown type 'Complex64'"),
        (tensor(raw=bytes(7)), "cannot have 7 bytes"),
        (tensor() + tensor(tag=b"v") + tensor(), "'w' is in it twice"),
        (tensor()[:-3], "cut or damaged"),
        (write_field(1, write_field(1, b"w")), "no MindSpore checkpoint"),
        (b"", "it is empty"),
    ],
)
def test_damage_is_one_clear_error(tmp_path, raw, sentence):
    (tmp_path / "x.ckpt").write_bytes(raw)
    with pytest.raises(CorruptFile, match=sentence):
        read_mindspore(tmp_path / "x.ckpt")


def mutate(tmp_path, count):
    rng = random.Random(0)
    files = [(FILES / name).read_bytes() for name in ("net.ckpt", "slices.ckpt")]
    path = tmp_path / "x.ckpt"
    survived = 0
    for _ in range(count):
        put(path, damaged(rng, rng.choice(files)))
        survived += survives(read_mindspore, path)
    return survived


def test_a_thousand_mutations_read_or_are_refused(tmp_path):
    assert 50 < mutate(tmp_path, 1000) < 950


@pytest.mark.slow
def test_ten_thousand_mutations_read_or_are_refused(tmp_path):
    assert 500 < mutate(tmp_path, 10_000) < 9500
