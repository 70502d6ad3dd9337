"""Names of saved pictures."""

import numpy as np

from covpool.data import ImageSet
from covpool.evaluation.robustness.saving import ReleasedLayout


def layout(root, keys, jpeg=85, classes=("n01440764", "a/../b")):
    labels = [i % len(classes) for i in range(len(keys))]
    return ReleasedLayout(root, ImageSet(list(classes), labels, keys, lambda i: b""), jpeg)


def names(made, count):
    return [made.path("fog", 3, i).relative_to(made.root).as_posix() for i in range(count)]


def test_a_jpeg_keeps_its_name_and_others_are_given_the_ending(tmp_path):
    keys = ["val/n01440764/ILSVRC2012_val_00000293.JPEG", "val/x/dog.png"]
    assert names(layout(tmp_path, keys), 2) == [
        "fog/3/n01440764/ILSVRC2012_val_00000293.JPEG",
        "fog/3/a_.._b/dog.png.jpg",
    ]
    assert names(layout(tmp_path, keys, jpeg=0), 2)[1] == "fog/3/a_.._b/dog.png"


def test_no_name_leaves_the_folder_and_none_is_taken_twice(tmp_path):
    keys = ["../../evil.jpg", "b/..", "a\\..\\evil.jpg", "", "x/evil.jpg", "y/.hidden.jpg"]
    made = layout(tmp_path, keys, classes=("..",))
    found = [made.path("fog", 1, i).resolve() for i in range(len(keys))]
    assert len(set(found)) == len(keys)
    assert all(path.parent == (tmp_path / "fog" / "1" / "_..").resolve() for path in found)


def test_what_is_written_is_what_is_returned_and_nothing_else_is_left(tmp_path):
    square = np.random.RandomState(0).randint(0, 256, (16, 16, 3)).astype(np.uint8)
    for jpeg in (85, 0):
        made = layout(tmp_path / str(jpeg), ["a.png"], jpeg)
        returned = made.write(square, "fog", 1, 0)
        assert np.array_equal(returned, square) == (jpeg == 0)
        assert len(list((tmp_path / str(jpeg)).rglob("*.*"))) == 1
