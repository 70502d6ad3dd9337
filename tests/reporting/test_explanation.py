import pytest
from PIL import Image

from covpool.reporting.drawing.heat import data_uri
from covpool.reporting.explanation import render_explanation, sentence, sheet, signed

HOSTILE = "<script>alert(1)</script>\"'"


def view(**changes):
    rows = [[0.5, -0.25], [0.0, 0.75]]
    return {
        "name": "first", "pool": "conv4 + isqrt", "picture": data_uri(Image.new("RGB", (80, 80), "green")),
        "class": "heron", "score": 1.25, "probability": 0.9,
        "best": [{"class": "heron", "probability": 0.9, "score": 1.25}],
        "constant": 0.25, "total": 1.0, "error": 1e-9, "rule": "euler", "degree": 1.0, "nodes": 1, "centered": True,
        "held_norms": False, "map": rows,
        "pairs": [{"first": 1, "second": 2, "candidate": 0, "amount": 0.5, "entry": 0.4, "map": rows},
                  {"first": 3, "second": 3, "candidate": 1, "amount": -0.1, "entry": None, "map": rows}],
        **changes,
    }  # fmt: skip


def found(*views, image="photos/a.jpg"):
    return {"schema": "covpool-explanation/1", "pictures": [{"image": image, "views": list(views)}]}


def test_the_page_shows_each_network_its_sum_and_its_pairs():
    page = render_explanation(found(view(), view(name="second", pairs=[])))
    assert "Score +1.25 = +0.250 without the map, +1.00 from its positions (exact up to 1e-09)." in page
    assert "channels 1 \N{MULTIPLICATION SIGN} 2" in page
    assert "channel 3, its variance, candidate 2" in page
    assert page.count("<rect>") == 0
    assert page.count("<title>row 1, column 2: \N{MINUS SIGN}0.250</title>") == 2
    assert "http" not in page.replace("http-equiv", "")


def test_names_from_outside_are_escaped():
    page = render_explanation(found(view(name=HOSTILE, pool=HOSTILE, **{"class": HOSTILE}), image=HOSTILE))
    assert HOSTILE not in page
    assert page.count("<script>") == 1


@pytest.mark.parametrize(
    ("changes", "said"),
    [({"held_norms": True}, "exact with the length of the vector held, up to 1e-09"),
     ({"rule": "path", "nodes": 16, "error": -2e-4}, "integrated with 16 gradients, off by 2e-04"),
     ({"rule": "derivative", "constant": None, "total": 0.0}, "there is no split of the score")],
)  # fmt: skip
def test_the_page_says_how_exact_it_is(changes, said):
    assert said in sentence(view(**changes))


def test_a_large_map_has_no_squares_and_still_a_picture():
    page = render_explanation(found(view(map=[[0.1] * 40] * 40, pairs=[])))
    assert "<rect" not in page
    assert page.count("data:image/png") == 1


def test_the_sheet_has_a_tile_for_the_picture_and_for_each_network():
    one = found(view(), view(name="a very long name " * 20))["pictures"][0]
    image = sheet(one)
    assert image.width == 3 * 316 + 16
    assert image.getpixel((100, 100)) != (255, 255, 255)


def test_numbers_carry_their_sign():
    assert (signed(-0.5), signed(1e-9), signed(12.0)) == ("\N{MINUS SIGN}0.500", "0", "+12.0")
