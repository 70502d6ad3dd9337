import json
import pickle

import numpy as np
import pytest
import torch
from PIL import Image
from timm.data import create_transform

from covpool.data import Preprocessing, eval_transform, preprocessing_for


def noise(width, height, seed=0):
    values = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(values)


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("size", [(300, 260), (260, 301), (20, 33), (1, 1), (64, 64)])
@pytest.mark.parametrize(("image_size", "crop_pct"), [(64, 0.875), (65, 0.95), (32, 1.0)])
def test_evaluation_gives_the_numbers_of_timm(size, image_size, crop_pct, interpolation):
    mean, std = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
    ours = eval_transform(Preprocessing(image_size, mean, std, crop_pct, interpolation))
    theirs = create_transform(
        (3, image_size, image_size), mean=mean, std=std, crop_pct=crop_pct, interpolation=interpolation
    )
    picture = noise(*size)
    result = ours(picture)
    assert result.dtype == torch.float32
    assert torch.equal(result, theirs(picture))


def test_a_picture_of_the_right_size_is_only_normalised():
    p = Preprocessing(8, (0.1, 0.2, 0.3), (0.5, 0.6, 0.7), 1.0)
    picture = noise(8, 8)
    result = eval_transform(p)(picture).numpy()
    for c in range(3):
        plain = (np.asarray(picture)[:, :, c].astype(np.float64) / 255 - p.mean[c]) / p.std[c]
        assert np.allclose(result[c], plain, atol=1e-6)


def test_a_batch_is_normalised_as_its_pictures_are():
    transform = eval_transform(Preprocessing(16))
    pictures = [noise(20, 30, seed) for seed in range(5)]
    pixels = torch.from_numpy(np.stack([transform.pixels(picture) for picture in pictures]))
    batch = transform.normalize(pixels)
    assert batch.is_contiguous()
    assert torch.equal(batch, torch.stack([transform(picture) for picture in pictures]))


def test_a_long_strip_does_not_fill_the_memory():
    strip = Image.new("RGB", (60_000, 1), (255, 0, 0))
    assert eval_transform(Preprocessing(224))(strip).shape == (3, 224, 224)


def test_preprocessing_goes_through_json_unchanged():
    p = Preprocessing(28, [0.1, 0.2, 0.3], (1, 1, 1), 1.0, "bilinear")
    assert Preprocessing.from_dict(json.loads(json.dumps(p.to_dict()))) == p
    assert hash(p) == hash(Preprocessing.from_dict(p.to_dict()))


def test_all_wrong_values_are_named_at_once():
    with pytest.raises(ValueError, match=r"image_size.*mean needs 3.*positive.*crop_pct.*'cubic'") as caught:
        Preprocessing(0, (0.5,), (1, 0, 1), 1.5, "cubic")
    assert str(caught.value).count("got") == 5
    with pytest.raises(ValueError, match="preprocessing has no 'size'; it has image_size"):
        Preprocessing.from_dict({"size": 3})


def test_a_pretrained_cfg_decides_unless_overridden():
    cfg = {
        "input_size": (3, 240, 240),
        "mean": (0.5, 0.5, 0.5),
        "std": (0.5, 0.5, 0.5),
        "crop_pct": 0.9,
        "interpolation": "random",
        "classifier": "fc",
    }
    assert preprocessing_for(cfg) == Preprocessing(240, (0.5,) * 3, (0.5,) * 3, 0.9, "bilinear")
    changed = preprocessing_for(cfg, image_size=64, mean=(0, 0, 0), std=(1, 1, 1), crop_pct=1.0, interpolation="box")
    assert changed == Preprocessing(64, (0, 0, 0), (1, 1, 1), 1.0, "box")
    assert preprocessing_for({}) == Preprocessing()


def test_an_input_that_is_not_square_needs_a_size():
    with pytest.raises(ValueError, match="160 x 320"):
        preprocessing_for({"input_size": (3, 160, 320)})
    assert preprocessing_for({"input_size": (3, 160, 320)}, image_size=64).image_size == 64


def test_transforms_can_be_sent_to_another_process():
    transform = eval_transform(Preprocessing(8))
    assert torch.equal(pickle.loads(pickle.dumps(transform))(noise(9, 9)), transform(noise(9, 9)))
