"""The front door: every corruption at every severity, the same bytes in any order and process, and what is refused."""

import hashlib
import json
import multiprocessing
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from covpool.data.corruptions import EXTRA, SEVERITIES, STANDARD, corrupt, corruptions, random_numbers
from covpool.registry import UnknownName
from data.corruptions.pictures import scene

EVERY = [(name, severity) for name in corruptions for severity in SEVERITIES]
SEVERAL_KINDS = {"elastic_transform", "saturate"}  # as released: stretched or shaken; less or more colour
RISING = set(corruptions) - {"elastic_transform", "glass_blur", "frost", "fog", "snow", "saturate"}


def damage(found, picture):
    return float(np.abs(found.astype(float) - picture).mean())


def test_there_are_15_and_4_in_the_order_of_the_benchmark():
    assert len(STANDARD) == 15
    assert EXTRA == ("speckle_noise", "gaussian_blur", "spatter", "saturate")
    assert STANDARD[0] == "gaussian_noise"
    assert STANDARD[-1] == "jpeg_compression"
    kinds = [corruptions.get(name).kind for name in STANDARD]
    assert [kinds.count(kind) for kind in ("noise", "blur", "weather", "digital")] == [3, 4, 4, 4]


@pytest.mark.parametrize("name", corruptions.names())
def test_a_corrupted_picture_is_of_the_same_size_in_8_bits_and_worse(name):
    picture = scene(64, 64)
    before = picture.copy()
    found = [corrupt(picture, name, severity, key="a") for severity in SEVERITIES]
    for pixels in found:
        assert pixels.dtype == np.uint8
        assert pixels.shape == picture.shape
        assert damage(pixels, picture) > 0.5
    assert np.array_equal(picture, before)
    damages = [damage(pixels, picture) for pixels in found]
    if name in RISING:
        assert damages == sorted(damages)
    elif name not in SEVERAL_KINDS:
        assert damages[-1] > damages[0]


@pytest.mark.parametrize("shape", [(8, 8), (9, 31), (50, 17), (8, 300)])
def test_odd_and_small_sizes_are_handled(shape):
    picture = scene(*shape)
    for name, severity in EVERY:
        found = corrupt(picture, name, severity)
        assert found.shape == picture.shape
        assert found.dtype == np.uint8


@pytest.mark.parametrize("value", [0, 128, 255])
def test_flat_pictures_are_handled(value):
    for name, severity in EVERY:
        assert corrupt(np.full((16, 16, 3), value, np.uint8), name, severity).shape == (16, 16, 3)


def test_a_grey_picture_is_taken_for_rgb():
    grey = scene()[..., 0]
    expected = corrupt(np.stack([grey] * 3, axis=2), "snow", 2, key="x")
    assert np.array_equal(corrupt(grey, "snow", 2, key="x"), expected)
    assert np.array_equal(corrupt(Image.fromarray(grey), "snow", 2, key="x"), expected)


def test_what_cannot_be_corrupted_is_refused_in_a_sentence():
    for shape in [(1, 1, 3), (7, 20, 3), (20, 7)]:
        with pytest.raises(ValueError, match="at least 8 x 8 pixels; got"):
            corrupt(np.zeros(shape, np.uint8), "fog", 1)
    for picture in [np.zeros((9, 9, 3)), np.zeros((9, 9, 4), np.uint8), np.zeros(9, np.uint8)]:
        with pytest.raises(ValueError, match="RGB or grey picture of 8 bits"):
            corrupt(picture, "fog", 1)
    for severity in (0, 6, 1.5, "1"):
        with pytest.raises(ValueError, match="whole number from 1 to 5"):
            corrupt(scene(), "fog", severity)
    with pytest.raises(UnknownName, match="did you mean 'motion_blur'"):
        corrupt(scene(), "motion-blur", 1)


def test_other_keys_severities_and_seeds_draw_other_numbers():
    picture = np.full((16, 16, 3), 128, np.uint8)
    first = corrupt(picture, "gaussian_noise", 1, key="a")
    assert not np.array_equal(first, corrupt(picture, "gaussian_noise", 1, key="b"))
    assert not np.array_equal(first, corrupt(picture, "gaussian_noise", 1, key="a", seed=1))
    draws = {random_numbers(0, "a", name, severity).randint(1 << 30) for name, severity in EVERY}
    assert len(draws) == len(EVERY)


def test_nothing_global_is_drawn_from_or_changed():
    np.random.seed(3)
    expected = np.random.rand(4)
    np.random.seed(3)
    first = corrupt(scene(), "snow", 1)
    assert np.array_equal(np.random.rand(4), expected)
    assert np.array_equal(first, corrupt(scene(), "snow", 1))


def digests(picture, order_seed=None):
    """Corruption and severity -> digest of the pixels, made in a shuffled order."""
    every = list(EVERY)
    if order_seed is not None:
        np.random.RandomState(order_seed).shuffle(every)
    made = {(n, int(s)): corrupt(picture, n, int(s), key="k").tobytes() for n, s in every}
    return {f"{n}-{s}": hashlib.sha256(made[n, s]).hexdigest() for n, s in EVERY}


def test_other_processes_in_other_orders_give_the_same_bytes():
    picture = scene(40, 48)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        found = pool.starmap(digests, [(picture, seed) for seed in (1, 2, 3)])
    assert found == [digests(picture)] * 3


@pytest.mark.slow
def test_a_fresh_interpreter_gives_the_same_bytes(tmp_path):
    picture = scene(64, 72)
    np.save(tmp_path / "picture.npy", picture)
    program = (
        "import sys, json, numpy; from data.corruptions.test_corrupting import digests; "
        "print(json.dumps(digests(numpy.load(sys.argv[1]), 4)))"
    )
    command = [sys.executable, "-c", program, str(tmp_path / "picture.npy")]
    path = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    said = subprocess.run(command, capture_output=True, text=True, check=True, env=path)
    assert json.loads(said.stdout) == digests(picture)


@settings(max_examples=25, deadline=None)
@given(st.integers(8, 40), st.integers(8, 40), st.sampled_from(EVERY), st.integers(0, 2**32), st.text(max_size=9))
def test_any_picture_gives_a_picture(height, width, which, seed, key):
    picture = np.random.RandomState(seed).randint(0, 256, (height, width, 3)).astype(np.uint8)
    found = corrupt(picture, *which, key=key, seed=seed)
    assert found.shape == picture.shape
    assert found.dtype == np.uint8
