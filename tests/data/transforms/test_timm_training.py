import random

import numpy as np
import pytest
import torch
from PIL import Image
from timm.data import create_transform

from covpool.data import Preprocessing, train_transform
from covpool.data.transforms.timm_training import posterize, timm_crop_and_change

PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (50, 60, 3), dtype=np.uint8))


def seed(number):
    random.seed(number)
    np.random.seed(number)
    torch.manual_seed(number)


@pytest.mark.parametrize("number", range(6))
def test_deit_gives_the_numbers_of_timm(number):
    p = Preprocessing(32)
    theirs = create_transform(
        (3, 32, 32),
        is_training=True,
        color_jitter=0.4,
        auto_augment="rand-m9-mstd0.5-inc1",
        re_prob=0.25,
        re_mode="pixel",
        interpolation="random",
        mean=p.mean,
        std=p.std,
    )
    seed(number)
    expected = theirs(PICTURE)
    seed(number)
    assert torch.allclose(train_transform(p, "deit")(PICTURE), expected, atol=1e-5)


def test_posterize_to_no_bits_is_black_and_not_an_error():
    assert np.asarray(posterize(PICTURE, 0)).max() == 0
    assert posterize(PICTURE, 8) is PICTURE
    assert set(np.unique(posterize(PICTURE, 1)).tolist()) == {0, 128}
    _, change = timm_crop_and_change(Preprocessing(32), "rand-m10-inc1")
    assert all(op.aug_fn is posterize for op in change.transforms[0].ops if op.name == "PosterizeIncreasing")


def test_a_configuration_that_timm_does_not_read_is_a_sentence():
    with pytest.raises(ValueError, match="timm reads no augmentation from 'nothing'"):
        train_transform(Preprocessing(32), "timm", config="nothing")
