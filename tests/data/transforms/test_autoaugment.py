import json
import pickle
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageEnhance, ImageOps

from covpool.data.transforms.autoaugment import OPERATIONS, TABLES, AutoAugment, operations

GOLDEN = Path(__file__).parents[2] / "golden" / "assembled" / "preprocessing"
OPS = dict(np.load(GOLDEN / "autoaugment_ops.npz"))
PICTURE = OPS["image_hwc_uint8"]
ENHANCED = {name: getattr(operations, name.lower()) for name in ("Color", "Contrast", "Brightness", "Sharpness")}


@pytest.mark.parametrize("name", ["AutoContrast", "Equalize", "Invert"])
def test_an_operation_without_a_level_gives_the_numbers_of_the_release(name):
    assert np.array_equal(OPERATIONS[name](0)(PICTURE), OPS[name])


@pytest.mark.parametrize("level", [0, 2, 5, 8, 9])
@pytest.mark.parametrize("name", [*ENHANCED, "Posterize", "Solarize", "SolarizeAdd"])
def test_an_operation_with_a_level_gives_the_numbers_of_the_release(name, level):
    assert np.array_equal(OPERATIONS[name](level)(PICTURE), OPS[f"{name}_{level}"])


SIGNED = [(f"{name}_{level}", name, level) for name in ("Rotate", "ShearX", "ShearY") for level in (3, 8)]
SIGNED += [(f"{name}_5px", name, 0.2) for name in ("TranslateX", "TranslateY")]


@pytest.mark.parametrize(("key", "name", "level"), SIGNED)
def test_turning_shearing_and_moving_give_the_numbers_of_the_release_with_either_sign(key, name, level):
    torch.manual_seed(0)
    results = {OPERATIONS[name](level)(PICTURE).tobytes() for _ in range(20)}
    assert results == {OPS[f"{key}p"].tobytes(), OPS[f"{key}n"].tobytes()}


def test_the_tables_are_those_of_the_release():
    tables = json.loads((GOLDEN / "autoaugment_policies.json").read_text())
    assert {name: len(AutoAugment(name).sub_policies) for name in TABLES} == {k: len(v) for k, v in tables.items()}
    for name, rows in tables.items():
        ours = [[list(draw) for draw in row] for row in AutoAugment(name).sub_policies]
        assert ours == [[[op[0].upper() + op[1:], p, level] for op, p, level in row] for row in rows]
        assert {draw.operation for row in AutoAugment(name).sub_policies for draw in row} <= set(OPERATIONS)


def test_equalize_invert_and_solarize_are_those_of_pillow():
    image = Image.fromarray(PICTURE)
    assert np.array_equal(operations.equalize(PICTURE), np.asarray(ImageOps.equalize(image)))
    assert np.array_equal(operations.invert(PICTURE), np.asarray(ImageOps.invert(image)))
    assert np.array_equal(operations.solarize(PICTURE, 100), np.asarray(ImageOps.solarize(image, 100)))
    brighter = np.asarray(ImageEnhance.Brightness(image).enhance(1.5))
    assert np.array_equal(operations.brightness(PICTURE, 1.5), brighter)


def test_contrast_blends_with_the_number_of_pixels_and_not_with_the_mean():
    dark = np.zeros((224, 224, 3), np.uint8)
    assert set(operations.contrast(dark, 0.5).ravel().tolist()) == {98}  # half of 224 * 224 / 256 = 196


def test_a_policy_draws_its_rows_evenly_and_its_operations_by_their_probability():
    torch.manual_seed(0)
    picture = np.random.default_rng(0).integers(10, 200, (40, 40, 3), dtype=np.uint8)
    changed = np.mean([not np.array_equal(AutoAugment("imagenet")(picture), picture) for _ in range(600)])
    rows = AutoAugment("imagenet").sub_policies
    never = np.mean([np.prod([1 - draw.probability for draw in row]) for row in rows])
    assert abs(changed - (1 - never)) < 0.07


def test_the_test_policy_moves_and_then_equalizes():
    torch.manual_seed(0)
    wide = np.random.default_rng(0).integers(0, 256, (8, 300, 3), dtype=np.uint8)
    left, right = (operations.equalize(operations.translate_x(wide, d)) for d in (100.0, -100.0))
    seen = {AutoAugment("test")(wide).tobytes() for _ in range(20)}
    assert seen == {left.tobytes(), right.tobytes()}


def test_a_cutout_is_a_grey_square_cut_at_the_edges():
    torch.manual_seed(0)
    sides = set()
    for _ in range(200):
        covered = (operations.cutout(np.zeros((20, 30, 3), np.uint8), 4) == 128).all(-1)
        rows, columns = np.flatnonzero(covered.any(1)), np.flatnonzero(covered.any(0))
        sides.add((len(rows), len(columns)))
        assert covered.sum() == len(rows) * len(columns)
    assert max(sides) == (8, 8)
    assert min(sides) < (8, 8)


def test_pixels_in_float_are_cut_to_whole_numbers():
    torch.manual_seed(3)
    values = np.full((4, 4, 3), 77.9, np.float32)
    outs = [AutoAugment("v0")(values) for _ in range(30)]
    assert all(out.dtype == np.uint8 for out in outs)
    assert any((out == 77).all() for out in outs)


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (1, 30)])
@pytest.mark.parametrize("policy", TABLES)
def test_every_policy_takes_tiny_pictures_and_can_be_pickled(policy, size):
    torch.manual_seed(0)
    change = pickle.loads(pickle.dumps(AutoAugment(policy)))
    for _ in range(40):
        assert change(np.full((*size, 3), 9, np.uint8)).shape == (*size, 3)


def test_an_unknown_policy_is_answered_with_the_nearest():
    with pytest.raises(ValueError, match="unknown AutoAugment policy 'image-net'; did you mean 'imagenet'"):
        AutoAugment("image-net")
