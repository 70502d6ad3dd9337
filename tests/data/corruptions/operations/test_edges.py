"""Edges of pictures whose edges are known."""

import numpy as np
import pytest

from covpool.data.corruptions.operations.edges import edges


@pytest.mark.parametrize("turned", [False, True])
def test_a_step_has_one_line_of_edge(turned):
    grey = np.zeros((12, 15), np.uint8)
    grey[:, 7:] = 200
    found = edges(grey.T if turned else grey, 50, 150)
    found = found.T if turned else found
    assert found.sum(axis=1).tolist() == [1] * 12
    assert set(np.nonzero(found)[1]) <= {6, 7}


def test_a_disk_is_surrounded():
    y, x = np.mgrid[:40, :40] - 20
    found = edges(((y**2 + x**2 < 100) * 255).astype(np.uint8), 50, 150)
    away = np.hypot(y, x)[found]
    assert len(away) > 40
    assert away.min() > 8
    assert away.max() < 12


def test_weak_edges_count_only_beside_strong_ones():
    grey = np.zeros((20, 30), np.uint8)
    grey[:, 10:] = 25  # slope 4 * 25 = 100: above low, not above high
    assert not edges(grey, 50, 150).any()
    grey[:8, 10:] = 60
    assert edges(grey, 50, 150)[:, 8:12].any(axis=1).sum() > 15


def test_a_flat_picture_has_none():
    assert not edges(np.full((10, 10), 9, np.uint8), 50, 150).any()
