import pickle

import numpy as np
import pytest
from PIL import Image

from covpool.data import CorruptImage, ImageSet, stratified_split
from covpool.data.sources.folder import FileReader


def a_set(count=6):
    pictures = [Image.new("RGB", (2, 2), (i, i, i)) for i in range(count)]
    return ImageSet(
        ["cat", "dog"], [i % 2 for i in range(count)], [f"p/{i}" for i in range(count)], pictures.__getitem__
    )


def grey(image):
    return image.getpixel((0, 0))[0]


def test_a_picture_comes_with_its_label_through_the_transform():
    images = a_set()
    assert images.with_transform(grey)[3] == (3, 1)
    assert images[3][0].size == (2, 2)  # the view left the set as it was


def test_a_subset_of_a_subset_keeps_pictures_labels_and_keys_together():
    part = a_set().subset([5, 4, 3]).subset(np.array([2, 0]))
    assert [(grey(part.read(i)), part.keys[i], int(part.labels[i])) for i in range(2)] == [(3, "p/3", 1), (5, "p/5", 1)]
    assert part.classes == ["cat", "dog"]


def test_a_file_that_is_gone_is_a_corrupt_image(tmp_path):
    images = ImageSet(["cat"], [0], ["cat/1.jpg"], FileReader([str(tmp_path / "gone.jpg")]), "photos")
    with pytest.raises(CorruptImage, match=r"'cat/1.jpg' in 'photos': it cannot be opened \(No such file"):
        images.read(0)


def test_a_set_of_files_can_be_sent_to_another_process(tmp_path):
    Image.new("RGB", (3, 2)).save(tmp_path / "1.png")
    images = ImageSet(["cat"], [0], ["cat/1.png"], FileReader([str(tmp_path / "1.png")]))
    assert pickle.loads(pickle.dumps(images)).read(0).size == (3, 2)


def test_labels_and_keys_must_be_as_many():
    with pytest.raises(ValueError, match="one label a picture; got 1 for 2"):
        ImageSet(["cat"], [0], ["a", "b"], [].__getitem__)


def test_a_split_takes_the_fraction_of_every_class():
    labels = np.repeat([0, 1, 2], [10, 20, 3])
    kept, held_out = stratified_split(labels, 0.2, seed=1)
    assert np.bincount(labels[held_out]).tolist() == [2, 4, 1]
    assert sorted([*kept, *held_out]) == list(range(33))


def test_a_split_depends_on_the_seed_alone():
    labels = np.repeat([0, 1], 50)
    first, again, other = (stratified_split(labels, 0.5, seed)[1].tolist() for seed in (0, 0, 1))
    assert first == again != other


def test_a_split_of_lonely_pictures_is_refused():
    with pytest.raises(ValueError, match="label 1 has 1"):
        stratified_split(np.array([0, 0, 1]), 0.5)
