"""Every protocol against a reference written from its description, pixel by pixel or with Pillow alone."""

import json
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.lib.stride_tricks import sliding_window_view
from PIL import Image

from covpool.data import Preprocessing, augmentations, eval_transform, preprocessing_for, protocols, train_transform
from covpool.data.augment import training_transforms
from covpool.data.transforms import eval_geometry
from covpool.data.transforms.protocols.assembled import resized_size
from covpool.registry import UnknownName

GOLDEN = Path(__file__).parents[3] / "golden" / "assembled" / "preprocessing"
MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
MEANS_255 = np.array([123.68, 116.78, 103.94])


def noise(width, height, seed=0):
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))


PICTURES = {"wide": noise(333, 271), "tall": noise(97, 140, 1), "square": noise(64, 64, 2)}


def transformed(name, picture, image_size=None):
    return protocols.get(name).eval_transform(image_size)(picture).numpy()


def channels_first(pixels, mean=MEAN, std=STD):
    return ((np.asarray(pixels, np.float64) / 255 - mean) / std).transpose(2, 0, 1)


def pillow(picture, width, height, mode=Image.Resampling.BILINEAR):
    return picture.resize((width, height), mode)


def short_side(picture, side, mode=Image.Resampling.BILINEAR):
    w, h = picture.size
    return pillow(picture, *((side, int(side * h / w)) if w <= h else (int(side * w / h), side)), mode)


def middle(picture, side):
    left, top = round((picture.width - side) / 2), round((picture.height - side) / 2)
    return picture.crop((left, top, left + side, top + side))


def four_pixels(pixels, size, centre):
    """Bilinear resizing without anti-aliasing, in float64; ``centre`` 0 is TensorFlow 1's, 1/2 everyone else's."""
    height, width = pixels.shape[:2]
    y = np.maximum((np.arange(size[0]) + centre) * height / size[0] - centre, 0)
    x = np.maximum((np.arange(size[1]) + centre) * width / size[1] - centre, 0)
    top, left = np.floor(y).astype(int), np.floor(x).astype(int)
    bottom, right = np.minimum(top + 1, height - 1), np.minimum(left + 1, width - 1)
    dy, dx = (y - top)[:, None, None], (x - left)[None, :, None]
    p = pixels.astype(np.float64)
    upper = p[top][:, left] * (1 - dx) + p[top][:, right] * dx
    return upper * (1 - dy) + (p[bottom][:, left] * (1 - dx) + p[bottom][:, right] * dx) * dy


@pytest.fixture(params=PICTURES)
def picture(request):
    return PICTURES[request.param]


@pytest.mark.parametrize("name", ["fast_mpncov-imagenet", "threeg-imagenet", "threeg-places365", "gcp_opt-imagenet"])
def test_imagenet_is_the_short_side_at_256_and_the_middle_224(name, picture):
    expected = channels_first(middle(short_side(picture, 256), 224))
    assert np.allclose(transformed(name, picture), expected, atol=1e-5)


@pytest.mark.parametrize("name", ["fast_mpncov-imagenet", "threeg-imagenet", "threeg-places365"])
def test_ten_crops_are_corners_and_centre_and_those_of_the_mirrored_picture(name, picture):
    resized = short_side(picture, 256)
    crops = []
    for side in (resized, resized.transpose(Image.Transpose.FLIP_LEFT_RIGHT)):
        right, bottom = side.width - 224, side.height - 224
        corners = [(0, 0), (right, 0), (0, bottom), (right, bottom)]
        crops += [side.crop((x, y, x + 224, y + 224)) for x, y in corners] + [middle(side, 224)]
    views = transformed(f"{name}-10crop", picture)
    assert views.shape == (10, 3, 224, 224)
    assert np.allclose(views, np.stack([channels_first(crop) for crop in crops]), atol=1e-5)
    assert protocols.get(f"{name}-10crop").views == 10


FINE_GRAINED = {
    "cub": lambda picture: middle(short_side(picture, 448), 448),
    "aircraft": lambda picture: middle(pillow(picture, 512, 512), 448),
    "cars": lambda picture: pillow(picture, 448, 448),
}


@pytest.mark.parametrize("name", FINE_GRAINED)
def test_fine_grained_pictures_are_judged_alone_or_with_their_mirror_image(name, picture):
    expected = channels_first(FINE_GRAINED[name](picture))
    assert np.allclose(transformed(f"fast_mpncov-{name}", picture), expected, atol=1e-5)
    pair = transformed(f"fast_mpncov-{name}-mirror", picture)
    assert np.allclose(pair, np.stack([expected, expected[..., ::-1]]), atol=1e-5)


def test_finegrained_is_another_name_of_cub():
    assert protocols.get("fast_mpncov-finegrained") is protocols.get("fast_mpncov-cub")
    assert augmentations.get("fast_mpncov-finegrained").build is protocols.get("fast_mpncov-cub").train


def centre_square(pixels, side):
    top, left = (pixels.shape[0] - side + 1) // 2, (pixels.shape[1] - side + 1) // 2
    return pixels[top : top + side, left : left + side]


TENSORFLOW = {
    "cub": lambda pixels: four_pixels(centre_square(pixels, min(pixels.shape[:2])), (448, 448), 0.5),
    "aircraft": lambda pixels: four_pixels(pixels, (512, 512), 0.5)[32:480, 32:480],
    "cars": lambda pixels: four_pixels(pixels, (448, 448), 0.5),
}


@pytest.mark.parametrize("name", TENSORFLOW)
def test_tensorflow_resizes_fine_grained_pictures_without_antialiasing(name, picture):
    pixels = TENSORFLOW[name](np.asarray(picture))
    assert np.allclose(transformed(f"fast_mpncov-tensorflow-{name}", picture), channels_first(pixels), atol=1e-3)
    swapped = (pixels[..., ::-1] - 255 * MEAN[::-1]).transpose(2, 0, 1)
    assert np.allclose(transformed(f"fast_mpncov-tensorflow-{name}-vgg", picture), swapped, atol=1e-2)
    pair = transformed(f"fast_mpncov-tensorflow-{name}-vgg-mirror", picture)
    assert np.allclose(pair, np.stack([swapped, swapped[..., ::-1]]), atol=1e-2)


def test_tensorflow_cuts_the_imagenet_square_before_it_resizes(picture):
    pixels = np.asarray(picture)
    cut = centre_square(pixels, int(np.float32(224 / 256) * np.float32(min(picture.size))))
    expected = channels_first(four_pixels(cut, (224, 224), 0.5))
    assert np.allclose(transformed("fast_mpncov-tensorflow-imagenet", picture), expected, atol=1e-3)


def test_cifar_pictures_are_padded_with_black_and_cut_at_random():
    picture = noise(32, 32)
    mean, std = np.array([0.507, 0.487, 0.441]), np.array([0.267, 0.256, 0.276])
    assert np.allclose(transformed("fast_mpncov-cifar100", picture), channels_first(picture, mean, std), atol=1e-5)
    padded = np.zeros((40, 40, 3), np.uint8)
    padded[4:36, 4:36] = np.asarray(picture)
    windows = {padded[y : y + 32, x : x + 32].tobytes() for y in range(9) for x in range(9)}
    windows |= {padded[y : y + 32, x : x + 32][:, ::-1].tobytes() for y in range(9) for x in range(9)}
    torch.manual_seed(0)
    train = protocols.get("fast_mpncov-cifar100").train_transform()
    seen = {train.pixels(picture).tobytes() for _ in range(40)}
    assert seen <= windows
    assert len(seen) > 20


@pytest.mark.parametrize(("size", "mode"), [(64, Image.Resampling.BOX), (100, Image.Resampling.BICUBIC)])
def test_gm_sop_subtracts_the_mean_and_mirrors_half_of_the_training_pictures(size, mode):
    name = f"gm_sop-{size}"
    picture = noise(size, size)
    expected = (np.asarray(picture, np.float64) - 255 * MEAN).transpose(2, 0, 1)
    assert np.allclose(transformed(name, picture), expected, atol=1e-4)
    torch.manual_seed(0)
    train = protocols.get(name).train_transform()
    mirrored = [np.allclose(train(picture).numpy(), expected[..., ::-1], atol=1e-4) for _ in range(60)]
    plain = [np.allclose(train(picture).numpy(), expected, atol=1e-4) for _ in range(60)]
    assert 15 < sum(mirrored) < 45
    assert 15 < sum(plain) < 45
    large = np.asarray(noise(2 * size, 3 * size).resize((size, size), mode), np.float64) - 255 * MEAN
    assert np.allclose(transformed(name, noise(2 * size, 3 * size)), large.transpose(2, 0, 1), atol=1e-4)


MINDSPORE = {
    "gcp_opt-mindspore": (256, 224, MEAN, STD),
    "gcp_opt-mindspore-resnet101": (256, 224, np.array([0.475, 0.451, 0.392]), np.array([0.275, 0.267, 0.278])),
    "gcp_opt-mindspore-se": (292, 256, MEAN, np.full(3, 1 / 255)),
}


@pytest.mark.parametrize("name", MINDSPORE)
def test_mindspore_resizes_as_opencv_and_rounds_sizes_and_offsets_down(name, picture):
    short, side, mean, std = MINDSPORE[name]
    pixels = np.asarray(picture)
    h, w = pixels.shape[:2]
    size = (short, int(w / h * short)) if h < w else (int(h / w * short), short)
    top, left = (size[0] - side) // 2, (size[1] - side) // 2
    resized = np.rint(four_pixels(pixels, size, 0.5))[top : top + side, left : left + side]
    found = transformed(name, picture).transpose(1, 2, 0) * std * 255 + mean * 255
    assert np.abs(found - resized).max() < 1.01  # OpenCV's whole-number arithmetic is a grey level off at times
    assert (np.abs(found - resized) < 0.01).mean() > 0.85


def test_deit_is_bicubic_at_256_and_the_middle_224(picture):
    expected = channels_first(middle(short_side(picture, 256, Image.Resampling.BICUBIC), 224))
    assert np.allclose(transformed("deit", picture), expected, atol=1e-5)


ASSEMBLED = {"assembled-imagenet": (224, 256), "assembled-imagenet_224_256": (256, 292)}
ASSEMBLED["assembled-imagenet_224_256a"] = (256, 257)


@pytest.mark.parametrize("name", ASSEMBLED)
def test_assembled_resizes_as_tensorflow_1_and_subtracts_the_mean(name, picture):
    side, short = ASSEMBLED[name]
    pixels = np.asarray(picture)
    ratio = np.float32(short) / np.float32(min(pixels.shape[:2]))
    size = tuple(int(np.float32(length) * ratio) for length in pixels.shape[:2])
    top, left = (size[0] - side) // 2, (size[1] - side) // 2
    expected = (four_pixels(pixels, size, 0.0)[top : top + side, left : left + side] - MEANS_255).transpose(2, 0, 1)
    assert np.allclose(transformed(name, picture), expected, atol=1e-2)


@pytest.mark.parametrize(("key", "name"), [("imagenet_224_like", "imagenet"), ("a_like", "imagenet_224_256a")])
def test_assembled_gives_the_numbers_of_the_release(key, name):
    with np.load(GOLDEN / "preprocess_eval.npz") as golden:
        picture = Image.fromarray(golden["image_hwc_uint8"])
        expected = golden[f"{key}_16"].transpose(2, 0, 1)
    assert np.array_equal(transformed(f"assembled-{name}", picture, image_size=16), expected)


def test_assembled_has_the_sizes_and_offsets_of_the_release():
    for case in json.loads((GOLDEN / "eval_geometry.json").read_text()):
        name = "imagenet" if case["type"] == "imagenet(224)" else case["type"]
        values = protocols.get(f"assembled-{name}").preprocessing
        geometry = protocols.get(f"assembled-{name}").eval(values)
        assert (geometry.short, geometry.side) == (case["resize_min"], case["crop"])
        size = resized_size(case["h"], case["w"], geometry.short)
        assert size == (case["new_h"], case["new_w"])
        offsets = [(length - geometry.side) // 2 for length in size]
        assert offsets == [case["crop_top"], case["crop_left"]]


@pytest.mark.parametrize(("name", "size"), [("assembled-reid", 256), ("assembled-reid_224", 224)])
def test_retrieval_pictures_are_stretched(name, size, picture):
    expected = (four_pixels(np.asarray(picture), (size, size), 0.0) - MEANS_255).transpose(2, 0, 1)
    assert np.allclose(transformed(name, picture), expected, atol=1e-2)


@pytest.mark.parametrize("size", [331, 600])
def test_a_teacher_sees_the_central_part_in_0_to_1(size, picture):
    pixels = np.asarray(picture)
    top, left = (int((length - length * 0.875) / 2) for length in pixels.shape[:2])
    cut = pixels[top : pixels.shape[0] - top, left : pixels.shape[1] - left]
    expected = four_pixels(cut, (size, size), 0.0).transpose(2, 0, 1) / 255
    assert np.allclose(transformed(f"assembled-inception_{size}", picture), expected, atol=1e-4)
    with pytest.raises(ValueError, match="of evaluation alone"):
        protocols.get(f"assembled-inception_{size}").train_transform()


def test_retrieval_trains_on_the_stretched_picture_or_a_square_of_a_larger_one(picture):
    pixels = np.asarray(picture)
    whole, larger = four_pixels(pixels, (224, 224), 0.0), four_pixels(pixels, (256, 256), 0.0)
    torch.manual_seed(0)
    train = protocols.get("assembled-reid").train_transform()
    kinds = set()
    for _ in range(12):
        seen = train.pixels(picture)
        for sign, view in ((1, seen), (-1, seen[:, ::-1])):
            first = view[:3, :3]
            corners = sliding_window_view(larger, (3, 3, 3))[:33, :33, 0]
            places = np.argwhere(np.abs(corners - first).max(axis=(2, 3, 4)) < 0.02)
            if np.allclose(view, whole, atol=0.02):
                kinds.add(("whole", sign))
            elif any(np.allclose(view, larger[y : y + 224, x : x + 224], atol=0.02) for y, x in places):
                kinds.add(("part", sign))
    assert kinds == {("whole", 1), ("whole", -1), ("part", 1), ("part", -1)}


def test_assembled_trains_at_224_whatever_it_is_judged_at_and_changes_whole_numbers():
    protocol = protocols.get("assembled-imagenet_224_256")
    torch.manual_seed(0)
    plain = protocol.train_transform().pixels(PICTURES["wide"])
    changed = protocol.train_transform(policy="imagenet").pixels(PICTURES["wide"])
    assert plain.shape == changed.shape == (224, 224, 3)
    assert plain.dtype == np.float32
    assert changed.dtype == np.uint8
    assert protocol.train_transform(image_size=128).pixels(PICTURES["wide"]).shape == (112, 112, 3)


def test_a_whole_box_flipped_and_resized_is_the_only_training_picture_of_a_strip():
    strip = noise(400, 2)
    whole = [four_pixels(np.asarray(strip)[:, ::step], (224, 224), 0.0) for step in (1, -1)]
    torch.manual_seed(1)
    train = protocols.get("assembled-imagenet").train_transform()
    seen = [
        [np.allclose(pixels, one, atol=0.02) for one in whole] for pixels in (train.pixels(strip) for _ in range(8))
    ]
    assert np.any(seen, axis=0).all()
    assert np.any(seen, axis=1).all()


@pytest.mark.parametrize("name", protocols.names())
def test_every_protocol_says_its_source_can_be_pickled_and_is_rebuilt_from_what_a_checkpoint_keeps(name):
    protocol = protocols.get(name)
    assert protocol.source
    assert protocol.summary
    kept = json.loads(json.dumps(protocol.preprocessing.to_dict()))
    assert kept["protocol"] == name
    values = replace(Preprocessing.from_dict(kept), image_size=28)
    transform = pickle.loads(pickle.dumps(eval_transform(values)))
    assert not transform.is_random
    for size in ((1, 1), (3, 90), (90, 2), (40, 50)):
        seen = transform(Image.new("RGB", size, "red"))
        assert seen.dtype == torch.float32
        assert seen.shape == ((3, 28, 28) if protocol.views == 1 else (protocol.views, 3, 28, 28))
    picture = noise(40, 50)
    one = eval_geometry(values)(picture)
    views = transform.pixels(picture)
    first = views if protocol.views == 1 else views[4 if protocol.views == 10 else 0]
    assert np.array_equal(np.asarray(one), first)


def test_an_unknown_protocol_is_answered_with_the_nearest():
    with pytest.raises(UnknownName, match="did you mean 'assembled-imagenet'"):
        eval_transform(Preprocessing(protocol="assembled-imagnet"))


def test_a_protocol_in_a_pretrained_cfg_is_kept_until_its_geometry_is_overridden():
    cfg = {"input_size": (3, 256, 256), "crop_pct": 0.875, "protocol": "assembled-imagenet_224_256"}
    assert preprocessing_for(cfg).protocol == "assembled-imagenet_224_256"
    assert preprocessing_for(cfg, image_size=96).protocol == "assembled-imagenet_224_256"
    assert preprocessing_for(cfg, crop_pct=1.0).protocol is None
    assert preprocessing_for(cfg, interpolation="bicubic").protocol is None
    assert "protocol" not in Preprocessing().to_dict()


def test_an_augmentation_that_names_a_protocol_decides_about_evaluation_too():
    cfg = {"input_size": (3, 224, 224), "mean": (0.5,) * 3}
    values, train = training_transforms(cfg, "assembled-imagenet_224_256", {"policy": "good"}, image_size=None)
    assert values == protocols.get("assembled-imagenet_224_256").preprocessing
    assert train(PICTURES["wide"]).shape == (3, 224, 224)
    smaller, train = training_transforms(cfg, "assembled-imagenet_224_256", {}, image_size=64, mean=(0.0,) * 3)
    assert (smaller.image_size, smaller.mean) == (64, (0.0,) * 3)
    assert train(PICTURES["wide"]).shape == (3, 56, 56)
    with pytest.raises(ValueError, match="brings its own crop_pct; leave them out"):
        training_transforms(cfg, "deit", {}, crop_pct=1.0)
    with pytest.raises(ValueError, match="has no option 'polici'; did you mean 'policy'"):
        training_transforms(cfg, "assembled-imagenet", {"polici": "good"})
    with pytest.raises(ValueError, match="has no option 'polici'"):
        protocols.get("assembled-imagenet").train_transform(polici="good")


@pytest.mark.parametrize("name", ["none", "flip", "shift"])
def test_plain_augmentations_start_from_the_protocol_of_the_network(name):
    values = replace(protocols.get("assembled-imagenet").preprocessing, image_size=28)
    torch.manual_seed(0)
    picture, plain = noise(40, 50), eval_transform(values)(noise(40, 50))
    train = train_transform(values, name)
    seen = [train(picture) for _ in range(20)]
    assert all(image.shape == (3, 28, 28) for image in seen)
    if name == "shift":
        black = -torch.tensor(MEANS_255, dtype=torch.float32).view(3, 1, 1).expand(3, 32, 32).clone()
        black[:, 2:30, 2:30] = plain
        windows = [black[:, y : y + 28, x : x + 28] for y in range(5) for x in range(5)]
    else:
        windows = [plain, plain.flip(-1)][: 1 + (name == "flip")]
    assert all(any(torch.allclose(image, window, atol=1e-4) for window in windows) for image in seen)


def test_the_page_about_protocols_lists_them_all():
    page = (Path(__file__).parents[4] / "docs" / "howto" / "protocols.md").read_text()
    for name in protocols.names():
        protocol = protocols.get(name)
        trained = "-" if protocol.train is None else protocol.train_size or protocol.preprocessing.image_size
        sizes = f"{trained} | {protocol.preprocessing.image_size} | {protocol.views} |"
        assert f"| `{name}` | {protocol.summary} | {sizes}" in page
