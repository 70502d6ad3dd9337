"""Plasma, against the diamond-square method point by point."""

import numpy as np
import pytest

from covpool.data.corruptions.operations.plasma import plasma, side_for


def naive(side, decay, rng):
    """Squares, then diamonds in the middle of horizontal and of vertical edges; neighbours across the border."""
    heights = np.zeros((side, side))
    step, amount = side, 100.0
    while step >= 2:
        half, starts = step // 2, range(0, side, step)
        for row, column, around in [
            (half, half, [(-half, -half), (-half, half), (half, -half), (half, half)]),
            (0, half, [(-half, 0), (half, 0), (0, -half), (0, half)]),
            (half, 0, [(-half, 0), (half, 0), (0, -half), (0, half)]),
        ]:
            for y in starts:
                for x in starts:
                    four = [heights[(y + row + i) % side, (x + column + j) % side] for i, j in around]
                    heights[y + row, x + column] = sum(four) / 4 + amount * rng.uniform(-amount, amount)
        step, amount = half, amount / decay
    heights -= heights.min()
    return heights / heights.max()


@pytest.mark.parametrize("decay", [1.4, 2.0, 3.0])
def test_it_is_the_diamond_square_method(decay):
    vectors = plasma(16, decay, np.random.RandomState(3))
    assert np.allclose(vectors, naive(16, decay, np.random.RandomState(3)), atol=1e-12)


def test_heights_fill_zero_to_one_and_a_smaller_decay_is_rougher():
    smooth, rough = (plasma(128, decay, np.random.RandomState(0)) for decay in (3.0, 1.4))
    assert smooth.min() == rough.min() == 0
    assert smooth.max() == rough.max() == 1
    assert np.abs(np.diff(rough)).mean() > 3 * np.abs(np.diff(smooth)).mean()


def test_it_covers_the_picture():
    assert [side_for(*size) for size in [(224, 224), (8, 8), (256, 256), (257, 20)]] == [256, 256, 256, 512]
