"""Chains of exchanges, against loops that do one after the other."""

import numpy as np
import pytest

from covpool.data.corruptions.operations.shuffle import copied, swapped, visited


def steps(height, width, reach, seed):
    rng = np.random.RandomState(seed)
    target = visited(height, width, reach)
    down, right = rng.randint(-reach, reach, size=(2, *target.shape))
    return target.ravel(), (target + down * width + right).ravel()


@pytest.mark.parametrize(("height", "width", "reach"), [(24, 24, 1), (31, 17, 2), (40, 33, 3), (20, 64, 4), (9, 9, 4)])
@pytest.mark.parametrize("seed", [0, 1])
def test_copies_and_exchanges_are_those_of_the_loop_to_the_last_pixel(height, width, reach, seed):
    target, source = steps(height, width, reach, seed)
    copying, swapping = np.arange(height * width), np.arange(height * width)
    for t, s in zip(target, source, strict=True):
        copying[t] = copying[s]
        swapping[t], swapping[s] = int(swapping[s]), int(swapping[t])
    assert np.array_equal(copied(height, width, target, source), copying)
    assert np.array_equal(swapped(height, width, target, source), swapping)


def test_an_exchange_loses_no_pixel_and_a_copy_does():
    target, source = steps(40, 40, 3, 0)
    assert np.array_equal(np.sort(swapped(40, 40, target, source)), np.arange(1600))
    assert len(np.unique(copied(40, 40, target, source))) < 1600


def test_any_order_of_exchanges_is_followed():
    rng = np.random.RandomState(0)
    first, second = rng.randint(0, 30, size=(2, 200))
    expected = np.arange(30)
    for a, b in zip(first, second, strict=True):
        expected[a], expected[b] = int(expected[b]), int(expected[a])
    assert np.array_equal(swapped(5, 6, first, second), expected)


def test_nothing_is_visited_where_the_reach_leaves_no_room():
    assert visited(8, 8, 4).size == 0
    nothing = np.zeros(0, int)
    assert copied(8, 8, nothing, nothing).tolist() == swapped(8, 8, nothing, nothing).tolist() == list(range(64))


def test_pixels_are_visited_from_the_bottom_right_and_the_reach_stays_inside():
    target = visited(12, 10, 3)
    assert target[0, 0] == 9 * 10 + 7
    assert target[-1, -1] == 4 * 10 + 4
    assert (np.diff(target.ravel()) < 0).all()
