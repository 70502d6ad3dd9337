import numpy as np
import pytest
from PIL import Image

from covpool.reporting.drawing.heat import COLD, WARM, data_uri, from_data_uri, heat, overlay, strongest


def test_colour_says_the_sign_and_opacity_the_size():
    pixels = np.asarray(heat([[2.0, -2.0, 0.0, 1.0]]))
    assert tuple(pixels[0, 0, :3]) == WARM
    assert tuple(pixels[0, 1, :3]) == COLD
    assert pixels[0, 0, 3] == pixels[0, 1, 3] > pixels[0, 3, 3] > pixels[0, 2, 3] == 0
    assert strongest([[1.0, -3.0]]) == 3.0


def test_a_map_of_zeros_is_clear():
    assert not np.asarray(heat([[0.0, 0.0]]))[..., 3].any()
    below = Image.new("RGB", (8, 8), (90, 90, 90))
    assert overlay(below, [[0.0]], size=8).getpixel((3, 3)) == (90, 90, 90)


def test_blocks_keep_their_edges_and_smooth_maps_have_none():
    below = Image.new("RGB", (64, 64), "white")
    rows = [[1.0, 0.0]]
    hard, soft = (np.asarray(overlay(below, rows, size=64, smooth=s))[32, :, 2].astype(int) for s in (False, True))
    assert len(set(hard)) == 2
    assert len(set(soft)) > 10


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_pictures_go_into_data_uris_and_come_back(mode):
    image = Image.new(mode, (600, 300), (10, 200, 30) if mode == "RGB" else (10, 200, 30, 255))
    uri = data_uri(image)
    assert uri.startswith("data:image/jpeg" if mode == "RGB" else "data:image/png")
    assert from_data_uri(uri).size == (448, 224)
    assert np.allclose(np.asarray(from_data_uri(uri))[5, 5], (10, 200, 30), atol=3)
