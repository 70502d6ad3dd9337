import pytest

from covpool.formats.corrupt import CorruptFile
from covpool.formats.span import Span
from covpool.formats.tensorflow.bundle import Entry
from covpool.formats.tensorflow.slices import check_cover, resolve, slice_key

HERE = Span(b"", "x")


@pytest.mark.parametrize(
    ("value", "code"),  # tensorflow/core/lib/strings/ordered_code.cc: seven bits a byte, leading bits count the bytes
    [(0, "80"), (63, "bf"), (-1, "7f"), (-64, "40"), (64, "c040"), (-65, "3fbf"), (8191, "dfff"), (8192, "e02000")],
)
def test_numbers_of_a_key_are_ordered_codes(value, code):
    key = slice_key(b"w", ((0, value),))
    assert key.hex() == "007700010101" + "80" + code


def test_bytes_that_would_end_a_name_are_escaped():
    assert slice_key(b"a\x00\xffb", ()).hex() == "006100ffff006200010 0".replace(" ", "")


def test_whole_dimensions_are_spelt_out_and_slices_lie_inside():
    assert resolve([(0, -1), (2, 3)], (4, 5), HERE) == ((0, 4), (2, 3))
    for extents in ([(0, 5)], [(4, 1)], [(-1, 2)], [(0, 1), (0, 1)]):
        with pytest.raises(CorruptFile):
            resolve(extents, (4,), HERE)


@pytest.mark.parametrize(
    ("slices", "sentence"),
    [([((0, 2),)], "do not add up"), ([((0, 2),), ((1, 2),)], "overlap")],
)
def test_slices_fill_their_array_once(slices, sentence):
    with pytest.raises(CorruptFile, match=sentence):
        check_cover(Entry(shape=(4,)), slices, HERE)
    check_cover(Entry(shape=(4,)), [((0, 2),), ((2, 2),)], HERE)
