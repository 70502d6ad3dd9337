"""Lighting adds one colour to a picture, along the components of ImageNet's colours."""

import numpy as np
import pytest
import torch
from PIL import Image

from covpool.data import protocols
from covpool.data.transforms.lighting import VALUES, VECTORS, Lighting

PICTURE = Image.fromarray(np.random.default_rng(0).integers(0, 256, (5, 4, 3), dtype=np.uint8))


def test_one_colour_is_added_by_the_formula():
    torch.manual_seed(3)
    changed = Lighting(0.1)(PICTURE)
    torch.manual_seed(3)
    alpha = 0.1 * torch.randn(3).numpy()
    colour = [sum(VECTORS[channel][k] * alpha[k] * VALUES[k] for k in range(3)) for channel in range(3)]
    assert changed.dtype == np.float32
    assert np.allclose(changed - np.asarray(PICTURE, np.float32), 255 * np.array(colour), atol=1e-4)


def test_the_components_are_at_right_angles():
    assert np.allclose(VECTORS.T @ VECTORS, np.eye(3), atol=1e-3)


def test_nothing_is_added_without_a_deviation_and_none_is_negative():
    assert np.array_equal(Lighting(0.0)(PICTURE), np.asarray(PICTURE, np.float32))
    with pytest.raises(ValueError, match="needs to be 0 or more; got -1"):
        Lighting(-1)


def test_the_shufflenets_of_the_release_see_other_colours_and_are_judged_on_plain_ones():
    protocol, plain = protocols.get("gcp_opt-shufflenet"), protocols.get("gcp_opt-imagenet")
    grey = Image.new("RGB", (40, 40), (128, 128, 128))
    torch.manual_seed(0)
    seen = protocol.train_transform(32)(grey)
    torch.manual_seed(0)
    assert torch.equal(protocol.train_transform(32)(grey), seen)
    assert (seen - plain.train_transform(32)(grey)).abs().amax((1, 2)).min() > 0.01
    assert torch.equal(protocol.eval_transform(32)(PICTURE), plain.eval_transform(32)(PICTURE))
    still = protocol.train_transform(32, jitter=0.0, lighting=0.0)(grey)
    assert torch.allclose(still, plain.train_transform(32)(grey))
