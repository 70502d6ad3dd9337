import tarfile

import numpy as np
import pytest

from covpool.data import BadSource, open_images


def test_without_val_a_part_of_every_class_is_drawn_and_said(class_folders, caplog):
    root = class_folders({"cat": 10, "dog": 5})
    source = open_images(root, seed=3)
    assert np.bincount(source.val.labels).tolist() == [2, 1]
    assert not set(source.train.keys) & set(source.val.keys)
    assert len(source.train) + len(source.val) == 15
    said = "there is no val split: 20% of every class is drawn from train (seed 3)"
    assert said in source.description
    assert said in caplog.text
    assert open_images(root, seed=3).val.keys == source.val.keys


def test_drawing_nothing_or_everything(class_folders):
    root = class_folders({"cat": 1, "dog": 1})
    nothing, everything = open_images(root, val_fraction=0), open_images(root, val_fraction=1)
    assert (len(nothing.train), nothing.val) == (2, None)
    assert (everything.train, len(everything.val)) == (None, 2)


def test_single_pictures_cannot_be_divided(class_folders):
    with pytest.raises(BadSource, match=r"1 class \(dog\) with a single picture"):
        open_images(class_folders({"cat": 4, "dog": 1}))


def test_a_test_split_serves_as_val_where_there_is_no_other(class_folders, caplog):
    source = open_images(class_folders({"train/cat": 1, "train/dog": 1, "test/cat": 1, "test/dog": 1}))
    assert source.val is source.test
    assert "the test split serves as val" in caplog.text
    alone = open_images(class_folders({"test/cat": 1, "test/dog": 1}, source_root(class_folders)))
    assert alone.train is None
    assert len(alone.val) == 2


def source_root(class_folders):
    return class_folders({}).parent / "alone"


def test_pictures_are_found_after_a_change_of_the_working_directory(tmp_path, class_folders, monkeypatch):
    root = class_folders({"cat": 2, "dog": 2})
    with tarfile.open(tmp_path / "photos.tar", "w") as tar:
        tar.add(root, "photos")
    monkeypatch.chdir(tmp_path)
    sources = [open_images(name) for name in ("photos", "photos.tar")]
    monkeypatch.chdir(root)
    assert [source.train.read(0).size for source in sources] == [(12, 10)] * 2


def test_the_description_counts(class_folders):
    root = class_folders({"train/cat": 2, "train/dog": 1, "val/cat": 1, "val/dog": 1})
    assert open_images(root).description == f"{root}; 2 classes, 3 train, 2 val pictures"


def test_a_wrong_path_is_answered_with_the_nearest(tmp_path, class_folders):
    class_folders({"cat": 2})
    with pytest.raises(BadSource, match=rf"did you mean '{tmp_path}/photos'\?$"):
        open_images(tmp_path / "photo")
    with pytest.raises(BadSource, match=r"named set 'cifra10'; did you mean 'cifar10'\?$"):
        open_images("cifra10")
    with pytest.raises(BadSource, match=r"named sets: mnist5k, digits"):
        open_images("zzzzzz")


def test_two_wrong_paths_are_reported_together(tmp_path):
    with pytest.raises(BadSource) as caught:
        open_images(tmp_path / "a", val=tmp_path / "b")
    assert len(caught.value.mistakes) == 2


def test_a_named_set_takes_no_val_and_a_folder_of_its_name_needs_a_dot(class_folders, monkeypatch, caplog):
    with pytest.raises(BadSource, match="has its own splits"):
        open_images("digits", val="x")
    root = class_folders({"digits/cat": 3, "digits/dog": 3})
    monkeypatch.chdir(root)
    assert open_images("./digits").classes == ["cat", "dog"]
    assert len(open_images("digits").classes) == 10
    assert "write ./digits" in caplog.text


def test_a_fraction_beyond_the_whole_is_refused():
    with pytest.raises(ValueError, match=r"between 0 and 1; got 1\.5"):
        open_images("digits", val_fraction=1.5)
