import pickle

import numpy as np
import pytest

from covpool.data import BadSource, open_images
from covpool.formats.pixels import PixelWriter

PIXELS = np.random.default_rng(0).integers(0, 256, (9, 8, 8, 3), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path):
    with PixelWriter(tmp_path / "set", ["cat", "dog"], {"train": 6, "val": 3}, (8, 8)) as writer:
        writer.put("train", 0, PIXELS[:6], [0, 1, 0, 1, 0, 1])
        writer.put("val", 0, PIXELS[6:], [1, 0, 1])
    return tmp_path / "set"


def test_pictures_and_labels_are_those_that_were_written(folder):
    source = open_images(folder)
    assert source.classes == ["cat", "dog"]
    assert [np.array_equal(source.val.read(i), PIXELS[6 + i]) for i in range(3)] == [True] * 3
    assert source.val.labels.tolist() == [1, 0, 1]
    part = source.train.subset([5, 2])
    assert np.array_equal(part.planes(np.array([1, 0])), PIXELS[[2, 5]].transpose(0, 3, 1, 2))


def test_another_process_gets_names_of_files_and_not_the_pictures(folder):
    source = open_images(folder)
    source.train.read(0)
    sent = pickle.dumps(source.train)
    assert len(sent) < 3000
    assert np.array_equal(pickle.loads(sent).read(3), PIXELS[3])


def test_a_damaged_set_is_a_sentence(folder):
    (folder / "val.pixels.npy").write_bytes(b"nonsense")
    with pytest.raises(BadSource, match=r"val\.pixels\.npy: it is no array"):
        open_images(folder)
