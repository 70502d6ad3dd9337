import gzip
import io
import pickle
import random
import struct

import numpy as np
import pytest

from covpool.formats import CorruptFile
from covpool.formats.protobuf import write_field, write_varint
from covpool.formats.span import Span
from covpool.formats.tfrecord import (
    Records,
    index_tfrecord,
    iterate_tfrecord,
    read_example,
    write_example,
    write_record,
)
from formats.damage import damaged, put, survives

FEATURES = {
    "image/encoded": b"\xff\xd8 bytes",
    "image/filename": "n01440764_10026.JPEG",
    "image/class/label": 1000,
    "image/logit": np.linspace(-3, 3, 1001, dtype=np.float32),
    "image/object/class/label": np.array([-1, 5, 2**40]),
}


def record(message):
    buffer = io.BytesIO()
    write_record(buffer, message)
    return buffer.getvalue()


def same(found, given):
    assert found.keys() == given.keys()
    for name, value in given.items():
        if isinstance(value, bytes | str):
            assert found[name] == [value.encode() if isinstance(value, str) else value]
        else:
            assert np.array_equal(found[name], np.atleast_1d(value))
    return True


def test_an_example_comes_back_as_it_was_written():
    assert same(read_example(Span(write_example(FEATURES), "x")), FEATURES)
    assert read_example(Span(write_example(FEATURES), "x"), ["image/logit"]).keys() == {"image/logit"}


def test_numbers_that_are_not_packed_are_read_too():
    """Written by hand after feature.proto: floats (field 2) of two fixed32, integers (field 3) of two varints."""
    floats = b"\x12\x0a" + b"".join(b"\x0d" + struct.pack("<f", value) for value in (1.5, -2))
    integers = b"\x1a\x04\x08\x03\x08\x05"
    entries = [b"\x0a\x01a\x12" + bytes([len(floats)]) + floats, b"\x0a\x01b\x12" + bytes([len(integers)]) + integers]
    features = b"".join(b"\x0a" + bytes([len(entry)]) + entry for entry in entries)
    found = read_example(Span(b"\x0a" + bytes([len(features)]) + features, "x"))
    assert found["a"].tolist() == [1.5, -2]
    assert found["b"].tolist() == [3, 5]


def test_a_record_has_the_bytes_of_the_definition():
    """An empty message: eight zero bytes, their masked CRC-32C, and the masked CRC-32C of nothing (0xa282ead8)."""
    assert record(b"").hex() == "0000000000000000" + "29039807" + "d8ea82a2"


def test_records_are_read_by_position_also_after_pickling(tmp_path):
    messages = [write_example({"image/class/label": i, "image/encoded": bytes(i * 1000)}) for i in range(5)]
    path = tmp_path / "train-00000-of-00001"
    path.write_bytes(b"".join(map(record, messages)))
    places, damage = index_tfrecord(path)
    records = pickle.loads(pickle.dumps(Records(str(path), places)))
    assert damage == ""
    assert [read_example(records.checked(i))["image/class/label"].tolist() for i in (3, 0)] == [[3], [0]]
    assert [bytes(span.take(span.left)) for span in iterate_tfrecord(path)] == messages


def test_a_cut_file_gives_the_records_before_the_cut(tmp_path):
    whole = record(b"one") + record(b"two")
    (tmp_path / "a").write_bytes(whole[:-3])
    places, damage = index_tfrecord(tmp_path / "a")
    assert len(places) == 1
    assert "it is cut" in damage
    with pytest.raises(CorruptFile, match="it is cut"):
        list(iterate_tfrecord(tmp_path / "a"))


def test_a_changed_byte_is_noticed(tmp_path):
    whole = bytearray(record(b"hello, world"))
    whole[15] ^= 1
    (tmp_path / "a").write_bytes(whole)
    with pytest.raises(CorruptFile, match="the checksum of a record does not fit"):
        list(iterate_tfrecord(tmp_path / "a"))


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "it is empty"),
        (gzip.compress(record(b"x"), mtime=0), "it is gzip-compressed"),
        (b"PNG and no record at all", "no TFRecord"),
        (b"short", "it ends with 5 bytes"),
    ],
)
def test_other_files_are_refused_in_a_sentence(tmp_path, content, sentence):
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(CorruptFile, match=sentence):
        index_tfrecord(tmp_path / "a")


def test_damaged_files_are_read_or_named(tmp_path):
    small = {**FEATURES, "image/logit": np.ones(3)}
    message, rng = write_example(small), random.Random(0)

    def read(path):
        return {str(i): read_example(span) for i, span in enumerate(iterate_tfrecord(path))}

    for _ in range(200):
        put(tmp_path / "a", damaged(rng, record(message) + record(message)))
        survives(read, tmp_path / "a")
        put(tmp_path / "a", record(damaged(rng, message)))  # past the checksum
        survives(read, tmp_path / "a")


@pytest.mark.parametrize("kind", ["tensorflow", "tfrecord"])
def test_other_readers_agree(tmp_path, kind):
    """Where one of the packages is installed."""
    other = pytest.importorskip(kind)
    path = tmp_path / "a.tfrecord"
    path.write_bytes(record(write_example(FEATURES)))
    if kind == "tensorflow":
        raw = next(iter(other.data.TFRecordDataset(str(path)))).numpy()
        found = other.train.Example.FromString(raw).features.feature
        assert found["image/class/label"].int64_list.value[0] == 1000
        return
    (found,) = other.tfrecord_loader(str(path), None)
    assert found["image/class/label"] == [1000]
    assert np.array_equal(found["image/logit"], FEATURES["image/logit"])


@pytest.mark.parametrize("kind", [0, 1])
def test_a_float_of_another_wire_type_is_damage(kind):
    value = write_varint(1 << 40) if kind == 0 else (1 << 40).to_bytes(8, "little")
    floats = write_field(2, write_varint(1 << 3 | kind) + value)
    message = write_field(1, write_field(1, write_field(1, b"image/logit") + write_field(2, floats)))
    with pytest.raises(CorruptFile, match="odd length or type"):
        read_example(Span(message, "x"))
