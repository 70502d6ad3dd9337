import random

import numpy as np
import pytest
import torch
from PIL import Image
from timm.data.random_erasing import RandomErasing

from covpool.data import Preprocessing
from covpool.data.transforms import Erasing, ImageTransform

P = Preprocessing(32)
PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8))


@pytest.mark.parametrize(("fill", "mode"), [("pixel", "pixel"), ("colour", "rand"), ("mean", "const")])
@pytest.mark.parametrize("seed", range(4))
def test_the_network_sees_the_numbers_of_timm(seed, fill, mode):
    random.seed(seed)
    torch.manual_seed(seed)
    ours = ImageTransform(Erasing(P, 0.7, fill), P, is_random=True)(PICTURE)
    plain = ImageTransform(lambda image: image, P, is_random=False)(PICTURE)
    random.seed(seed)
    torch.manual_seed(seed)
    theirs = RandomErasing(0.7, mode=mode, device="cpu")(plain.clone())
    assert torch.allclose(ours, theirs, atol=1e-5)


def test_the_probability_is_that_of_a_box():
    random.seed(0)
    erase = Erasing(P, 0.25, "mean")
    share = np.mean([not np.array_equal(erase(PICTURE), np.asarray(PICTURE)) for _ in range(800)])
    assert abs(share - 0.25) < 0.05


def test_without_a_place_for_a_box_the_picture_stays():
    random.seed(0)
    assert Erasing(P, 1.0)(Image.new("RGB", (1, 1), (9, 8, 7))).ravel().tolist() == [9, 8, 7]


def test_impossible_values_are_sentences():
    with pytest.raises(ValueError, match="probability of erasing needs to be between 0 and 1; got 2"):
        Erasing(P, 2)
    with pytest.raises(ValueError, match="one of pixel, colour, mean; got 'noise'"):
        Erasing(P, fill="noise")
