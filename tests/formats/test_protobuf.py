import pytest

from covpool.formats.corrupt import CorruptFile
from covpool.formats.protobuf import fields, integer, integers, text, varint, write_field, write_fixed32, write_varint
from covpool.formats.span import Span


@pytest.mark.parametrize("value", [0, 1, 127, 128, 300, 1 << 32, (1 << 64) - 1])
def test_a_number_comes_back(value):
    assert varint(Span(write_varint(value), "x")) == value


def test_negative_numbers_take_ten_bytes():
    raw = write_field(3, -1)
    span = Span(raw, "x")
    assert len(raw) == 11
    assert integer(next(fields(span)), span) == -1


def test_fields_come_in_their_order_with_their_kinds():
    span = Span(write_field(1, b"name") + write_field(2, 5) + write_fixed32(6, 0xDEADBEEF), "x")
    name, number, fixed = fields(span)
    assert text(name, span) == "name"
    assert (integer(number, span), integer(fixed, span)) == (5, 0xDEADBEEF)


def test_a_repeated_number_may_be_packed_and_is_bounded():
    span = Span(write_field(1, b"\x01\x02\x03"), "x")
    assert integers(next(fields(span)), span) == [1, 2, 3]
    span = Span(write_field(1, b"\x01" * 100), "x")
    with pytest.raises(CorruptFile, match="more than 64 numbers"):
        integers(next(fields(span)), span)


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        (b"\x0b", "unknown wire type 3"),
        (b"\x00\x01", "number 0"),
        (b"\x0a\x7fab", "127 bytes were needed"),
        (b"\x80" * 11, "does not end"),
        (b"\x08\x80", "does not end"),
    ],
)
def test_damage_is_named(raw, sentence):
    with pytest.raises(CorruptFile, match=sentence):
        list(fields(Span(raw, "x")))
