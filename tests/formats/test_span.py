import numpy as np
import pytest

from covpool.formats.corrupt import CorruptFile
from covpool.formats.span import Span, map_file


def test_a_span_never_reads_past_its_end():
    span = Span(b"abcdef", "x", 1, 4)
    assert bytes(span.take(2)) == b"bc"
    with pytest.raises(CorruptFile, match=r"2 bytes were needed and 1 are left.*at byte 3"):
        span.take(2)


@pytest.mark.parametrize(("start", "size"), [(5, 9), (-1, 2), (9, None)])
def test_a_place_outside_of_the_file_is_an_error(start, size):
    with pytest.raises(CorruptFile, match="has only 6"):
        Span(b"abcdef", "x").at(start, size)


@pytest.mark.parametrize("shape", [(1 << 40, 1 << 40), (3, -1), (1,) * 40, (1000,)])
def test_a_shape_that_the_bytes_cannot_fill_allocates_nothing(shape):
    with pytest.raises(CorruptFile, match=r"shape|bytes"):
        Span(bytes(100), "x").array(np.dtype("<f4"), shape)


def test_arrays_are_copies_in_native_order():
    array = Span(b"\0\1\0\2", "x").array(np.dtype(">u2"), (2,))
    array += 1
    assert array.tolist() == [2, 3]


def test_an_empty_file_is_said_to_be_empty(tmp_path):
    (tmp_path / "x").write_bytes(b"")
    with pytest.raises(CorruptFile, match="it is empty"):
        map_file(tmp_path / "x")
