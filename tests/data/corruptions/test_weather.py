"""Fog, frost, snow, spatter: the parts against loops, and what each does to a picture."""

import numpy as np
import pytest

from covpool.data.corruptions import weather
from covpool.data.corruptions.operations.plasma import plasma
from data.corruptions import loops
from data.corruptions.pictures import scene

RNG = np.random.RandomState


@pytest.mark.parametrize("severity", [1, 5])
def test_fog_adds_plasma_and_keeps_the_largest_value(severity):
    pixels = scene(20, 30)
    thickness, decay = weather.FOG[severity - 1]
    mist, top = plasma(256, decay, RNG(2)), pixels.max() / 255
    found = weather.fog(pixels, severity, RNG(2))
    for y, x, c in [(0, 0, 0), (19, 29, 2), (7, 11, 1)]:
        value = (pixels[y, x, c] / 255 + thickness * mist[y, x]) * top / (top + thickness)
        assert np.isclose(found[y, x, c], min(value, 1) * 255)
    assert found.max() <= pixels.max() + 1e-9


def test_a_black_picture_stays_black_in_fog():
    assert (weather.fog(np.zeros((16, 16, 3), np.uint8), 3, RNG(0)) == 0).all()


def test_frost_lies_over_the_picture_by_the_shares_of_the_table():
    black, grey = np.zeros((32, 32, 3), np.uint8), np.full((32, 32, 3), 50, np.uint8)
    for severity, (share, _) in enumerate(weather.FROST, start=1):
        over_black, over_grey = (weather.frost(p, severity, RNG(1)) for p in (black, grey))
        free = over_grey < 255
        assert np.allclose((over_grey - over_black)[free], share * 50)


@pytest.mark.parametrize("severity", [1, 2, 3, 4, 5])
def test_snow_whitens_and_its_flakes_appear_twice(severity):
    dark = np.full((40, 44, 3), 30, np.uint8)
    found = weather.snow(dark, severity, RNG(0))
    share = weather.SNOW[severity - 1][6]
    ground = share * 30 + (1 - share) * (30 * 1.5 + 127.5)
    assert np.isclose(found.min(), ground)
    flakes = found - ground
    assert np.allclose(flakes, np.rot90(flakes, 2))
    assert flakes.max() > 60
    assert np.allclose(found[..., 0], found[..., 1])


def test_water_shines_turquoise_and_mud_is_brown():
    grey = np.full((96, 96, 3), 100, np.uint8)
    for severity in (2, 3):
        change = weather.spatter(grey, severity, RNG(0)) - 100
        assert change.min() >= -1e-9
        wet = change[change[..., 1] > 20]
        assert len(wet)
        assert np.allclose(wet[:, 0] / wet[:, 1], 175 / 238)
    for severity in (4, 5):
        found = weather.spatter(grey, severity, RNG(0))
        covered = np.abs(found - 255 * weather._MUD_COLOUR).max(axis=2) < 15
        assert 0.01 < covered.mean() < 0.6
        assert np.isclose(found, 100).all(axis=2).any()


def test_the_histogram_is_equalized_and_the_relief_lit_as_in_the_loops():
    grey = RNG(0).randint(3, 21, size=(11, 13)).astype(np.uint8)
    assert np.array_equal(weather._equalized(grey), loops.equalized(grey))
    assert np.array_equal(weather._equalized(np.full((4, 4), 9, np.uint8)), np.zeros((4, 4)))
    from scipy import ndimage

    found = np.clip(ndimage.correlate(grey.astype(int), weather._RELIEF, mode="mirror"), 0, 255)
    assert np.array_equal(found, loops.relief(grey))


def test_a_picture_without_drops_is_left_alone():
    nothing = (0.1, 0.01, 1, 0.69, 0.6)
    values = scene() / 255
    assert np.allclose(weather._water(values, nothing, RNG(0)), values * 255)
