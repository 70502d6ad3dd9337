import numpy as np
import pytest

from covpool.formats.corrupt import CorruptFile
from covpool.weights.files.golden import draw_images, read_golden
from golden_recipe import image


def test_images_are_those_of_the_golden_files():
    for name, shape in (("gmsop.input", (2, 3, 8, 6)), ("x", (1, 1, 3, 3))):
        np.testing.assert_array_equal(draw_images(name, shape), image(name, shape))


def test_an_input_is_taken_or_drawn(tmp_path):
    logits = np.float32([[1, 2]])
    np.savez(tmp_path / "a.npz", input=np.ones((1, 3, 2, 2)), logits=logits, other=logits)
    np.savez(tmp_path / "b.npz", input_name="x", input_shape=(1, 3, 2, 2), logits=logits)
    assert read_golden(tmp_path / "a.npz")[""].images.dtype == np.float32
    assert list(read_golden(tmp_path / "a.npz")[""].expected) == ["logits"]
    np.testing.assert_array_equal(read_golden(tmp_path / "b.npz")[""].images, image("x", (1, 3, 2, 2)))


def test_a_file_of_several_cases_gives_those_that_are_whole(tmp_path):
    drawn = {"input_name": "x", "input_shape": (1, 3, 2, 2), "logits": np.zeros((1, 2))}
    fields = {f"{size}/{name}": value for size in ("i96", "i224") for name, value in drawn.items()}
    np.savez(tmp_path / "a.npz", **fields, **{"i96_f64/logits": np.zeros((1, 2))})
    assert sorted(read_golden(tmp_path / "a.npz")) == ["i224", "i96"]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ({"logits": np.zeros(2)}, "it needs logits, and input"),
        ({"input": np.zeros(2)}, "it needs logits, and input"),
        ({"logits": np.zeros(2), "input_name": "x", "input_shape": (1, 2)}, "input_shape should be"),
        ({"logits": np.zeros(2), "input_name": "x", "input_shape": (1 << 40, 1 << 40, 9, 9)}, "input_shape should be"),
        ({"logits": np.array([{}]), "input": np.zeros(2)}, "no .npz file of arrays"),
    ],
)
def test_what_is_missing_is_said(content, sentence, tmp_path):
    np.savez(tmp_path / "a.npz", **content)
    with pytest.raises(CorruptFile, match=sentence):
        read_golden(tmp_path / "a.npz")


def test_a_file_that_is_none_is_refused(tmp_path):
    (tmp_path / "a.npz").write_text("hello")
    for name in ("a.npz", "absent.npz"):
        with pytest.raises(CorruptFile, match=r"no \.npz file of arrays"):
            read_golden(tmp_path / name)
