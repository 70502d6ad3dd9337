import pickle

import numpy as np
import pytest
from PIL import Image

from covpool.data import BadSource, open_images
from covpool.data.sources.hugging_face import TableReader

datasets = pytest.importorskip("datasets")


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    datasets.disable_progress_bars()


@pytest.fixture
def saved(tmp_path):
    def table(count):
        pictures = [Image.new("RGB", (5, 4), (i, 0, 0)) for i in range(count)]
        kinds = {
            "img": datasets.Image(),
            "fine": datasets.ClassLabel(names=["a", "b", "c"]),
            "coarse": datasets.ClassLabel(names=["x", "y"]),
        }
        values = {"img": pictures, "fine": [i % 3 for i in range(count)], "coarse": [i % 2 for i in range(count)]}
        return datasets.Dataset.from_dict(values, features=datasets.Features(kinds))

    datasets.DatasetDict({"train": table(6), "validation": table(4)}).save_to_disk(tmp_path / "set")
    return tmp_path / "set"


def test_a_saved_set_is_read_picture_by_picture(saved):
    source = open_images(f"hf:{saved}@fine")
    assert source.classes == ["a", "b", "c"]
    assert source.train.labels.tolist() == [0, 1, 2, 0, 1, 2]
    assert len(source.val) == 4
    again = pickle.loads(pickle.dumps(source.train))
    assert np.asarray(again.read(5))[0, 0].tolist() == [5, 0, 0]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("{}", "it has fine, coarse; name one: hf:.*@fine"),
        ("{}@other", "no column of class labels 'other'"),
        ("covpool/there-is-no-such-set", "cannot be had"),
    ],
)
def test_mistakes_are_sentences(saved, tmp_path, name, sentence):
    with pytest.raises(BadSource, match=sentence):
        open_images(f"hf:{name.format(saved)}", cache=tmp_path)


def test_a_picture_that_the_set_names_outside_of_itself_is_not_read(tmp_path):
    for name in ("private", "set/own"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"a picture")
    cells = [{"img": {"bytes": None, "path": str(tmp_path / name)}} for name in ("set/own", "set/../private")]
    reader = TableReader(cells, "img", [tmp_path / "set"])
    assert reader(0) == b"a picture"
    with pytest.raises(OSError, match="outside of it"):
        reader(1)
