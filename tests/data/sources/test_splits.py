import pytest

from covpool.data import BadSource
from covpool.data.sources.splits import class_names, files_of, split_of


@pytest.mark.parametrize(
    ("path", "split"),
    [
        ("/a/val/train-3.tar", "train"),
        ("/a/val/0003.tar", "val"),
        ("/train/a/b.tar", "all"),
        ("Validation_1.tfrecord", "val"),
        ("constrained-1.tar", "all"),
    ],
)
def test_the_file_decides_then_its_folder(path, split):
    assert split_of(path) == split


def test_files_lie_in_the_folder_or_in_its_splits(tmp_path):
    for name in ("b.tar", "train/a.tar", "other/c.tar", ".hidden.tar"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert [file.name for file in files_of(tmp_path)] == ["b.tar", "a.tar"]


def test_names_of_classes_must_suffice_and_differ(tmp_path):
    assert class_names(tmp_path, 3, {1: "dog"}) == ["0", "dog", "2"]
    assert class_names(tmp_path, 2, {0: "crane", 1: "crane"}, 1) == ["1", "2"]
    (tmp_path / "dataset.json").write_text('{"classes": ["a", "b"]}')
    assert class_names(tmp_path, 2, {}) == ["a", "b"]
    with pytest.raises(BadSource, match="names 2 classes, and labels need 3"):
        class_names(tmp_path, 3, {})
    (tmp_path / "dataset.json").write_text('{"classes": 5}')
    with pytest.raises(BadSource, match="lists no classes"):
        class_names(tmp_path, 2, {})
