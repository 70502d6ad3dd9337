import pickle

import numpy as np
import pytest
import torch
from PIL import Image

from covpool.data import Preprocessing, augmentations, eval_transform, train_transform
from covpool.registry import UnknownName

P = Preprocessing(28, (0.5,) * 3, (0.5,) * 3, 1.0)
PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8))


def results(name, count=20, picture=PICTURE, **options):
    transform = train_transform(P, name, **options)
    torch.manual_seed(0)
    return [transform(picture) for _ in range(count)]


@pytest.mark.parametrize("name", augmentations.names())
def test_every_augmentation_gives_the_size_of_the_network_and_says_whether_it_is_random(name):
    seen = results(name)
    assert {tuple(image.shape) for image in seen} == {(3, 28, 28)}
    differs = any(not torch.equal(image, seen[0]) for image in seen)
    assert differs == augmentations.get(name).is_random == train_transform(P, name).is_random
    assert augmentations.get(name).summary


@pytest.mark.parametrize("name", augmentations.names())
def test_every_augmentation_takes_tiny_and_long_pictures_and_can_be_pickled(name):
    transform = pickle.loads(pickle.dumps(train_transform(P, name)))
    for size in ((1, 1), (3, 200), (400, 2)):
        assert transform(Image.new("RGB", size, "red")).shape == (3, 28, 28)


def test_no_augmentation_is_the_evaluation():
    assert torch.equal(results("none", 1)[0], eval_transform(P)(PICTURE))


def test_a_flip_is_the_evaluation_or_its_mirror():
    plain = eval_transform(P)(PICTURE)
    kinds = {torch.equal(image, plain) or 2 * torch.equal(image, plain.flip(-1)) for image in results("flip")}
    assert kinds == {True, 2}


def test_a_shift_moves_by_the_padding_at_most():
    plain = eval_transform(P)(PICTURE)
    padded = torch.nn.functional.pad(plain, (2, 2, 2, 2), value=-1.0)
    windows = [padded[:, y : y + 28, x : x + 28] for y in range(5) for x in range(5)]
    for image in results("shift"):
        assert any(torch.equal(image, window) for window in windows)


def test_a_crop_of_the_whole_picture_is_a_resize():
    square = PICTURE.resize((28, 28))
    (image,) = results("crop", 1, square, scale=(1.0, 1.0), ratio=(1.0, 1.0), flip=0.0)
    assert torch.equal(image, eval_transform(P)(square))


def test_wrong_names_and_options_are_answered_with_the_nearest():
    with pytest.raises(UnknownName, match="did you mean 'randaugment'"):
        train_transform(P, "randaug")
    with pytest.raises(ValueError, match="'crop' has no option 'scales'; did you mean 'scale'"):
        train_transform(P, "crop", scales=(0.1, 1))


@pytest.mark.parametrize(("name", "options"), [("flip", {"probability": 2}), ("shift", {"padding": -1})])
def test_impossible_options_are_sentences(name, options):
    with pytest.raises(ValueError, match=r"needs .*; got"):
        train_transform(P, name, **options)
