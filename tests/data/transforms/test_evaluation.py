from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from covpool.data import Preprocessing, protocols
from covpool.data.transforms.evaluation import eval_geometry, eval_transform, is_bgr, rgb_geometry

RED = Image.new("RGB", (40, 36), (250, 20, 60))


@pytest.mark.parametrize("name", protocols.names())
def test_every_pipeline_says_which_colour_comes_first(name):
    values = replace(protocols.get(name).preprocessing, image_size=32)
    seen, given = (np.asarray(make(values)(RED)) for make in (rgb_geometry, eval_geometry))
    assert np.abs(seen - [250.0, 20.0, 60.0]).max() < 1.5
    assert np.array_equal(given, seen[..., ::-1] if is_bgr(values) else seen)


def test_caffes_networks_are_given_blue_first_minus_the_mean():
    values = replace(protocols.get("fast_mpncov-tensorflow-cub-vgg").preprocessing, image_size=32)
    assert eval_transform(values)(RED)[:, 0, 0].tolist() == pytest.approx([60 - 103.53, 20 - 116.28, 250 - 123.675])


def test_without_a_protocol_red_is_first():
    assert not is_bgr(Preprocessing(32))
