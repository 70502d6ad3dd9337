from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from covpool.data import (
    ImageSet,
    Preprocessing,
    eval_transform,
    open_images,
    protocols,
    train_loader,
    train_transform,
)
from covpool.data.inspect import picture_grid, spread_indices


@pytest.fixture
def photos(class_folders):
    return open_images(class_folders({"a": 6, "b": 1, "c": 3}), val_fraction=0).train


def test_columns_are_the_pictures_of_the_epochs_of_a_training(photos):
    values = Preprocessing(16, crop_pct=1.0)
    transform = train_transform(values, "crop")
    sheet = np.asarray(picture_grid(photos, transform, [0, 5], draws=2, seed=3))
    loader = train_loader(photos, transform, batch_size=len(photos), seed=3)
    for row, index in enumerate((0, 5)):
        for epoch in range(2):
            batch = next(loader.epoch(epoch))
            seen = batch.images[batch.indices.tolist().index(index)].permute(1, 2, 0).numpy()
            pixels = np.round((seen * values.std + values.mean) * 255)
            top, left = 4 + 20 * row, 8 + 20 * (epoch + 1)
            np.testing.assert_array_equal(sheet[top : top + 16, left : left + 16], pixels)


def test_broken_pictures_are_passed_over_and_only_broken_ones_are_an_error(class_folders):
    root = class_folders({"a": 2, "b": 2})
    (root / "a/0.png").write_bytes(b"no picture")
    images = open_images(root, val_fraction=0).train
    transform = eval_transform(Preprocessing(10))
    assert picture_grid(images, transform, [0, 1]).size == (2 * 14 + 8, 14 + 4)
    with pytest.raises(ValueError, match="all that were chosen are broken"):
        picture_grid(images, transform, [0])


def test_few_pictures_show_all_classes(photos):
    assert sorted(photos.labels[spread_indices(photos.labels, 3)].tolist()) == [0, 1, 2]
    assert sorted(spread_indices(photos.labels, 99)) == list(range(10))


def test_one_pixel_can_be_shown(photos, tmp_path):
    for name in "ab":
        (tmp_path / "tiny" / name).mkdir(parents=True)
        Image.new("RGB", (1, 1), "red").save(tmp_path / "tiny" / name / "1.png")
    images = open_images(tmp_path / "tiny", val_fraction=0).train
    assert picture_grid(images, eval_transform(Preprocessing(10)), [0]).getpixel((10, 8)) == (255, 0, 0)


def test_a_network_that_takes_blue_first_sees_red_as_red():
    values = replace(protocols.get("fast_mpncov-tensorflow-cub-vgg").preprocessing, image_size=16)
    red = ImageSet(["a"], [0], ["a"], lambda position: Image.new("RGB", (16, 16), (250, 20, 60)))
    sheet = np.asarray(picture_grid(red, eval_transform(values), [0]))
    assert sheet[10, 10].tolist() == sheet[10, 32].tolist() == [250, 20, 60]
