"""Class folders and pictures whose names are HTML: every page shows them as text."""

from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

CLASS = '<img src=x onerror="alert(1)">'
PICTURE = "<script>alert(2)<script>' onclick='x.png"


class Page(HTMLParser):
    """The attributes of the page that act or fetch, the number of its scripts, and its text."""

    def __init__(self, path):
        super().__init__()
        self.acting, self.scripts, self.text = [], 0, ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        self.scripts += tag == "script"
        self.acting += [(k, v) for k, v in attrs if k.startswith("on") or (k == "src" and not v.startswith("data:"))]
        self.text += " ".join(str(value) for _, value in attrs)

    def handle_data(self, data):
        self.text += data


@pytest.fixture
def hostile(tmp_path):
    """Pictures of noise in two classes, train and val."""
    generator = np.random.default_rng(0)
    for split in ("train", "val"):
        for name in (CLASS, "plain"):
            folder = tmp_path / "data" / split / name
            folder.mkdir(parents=True)
            for number in range(3):
                pixels = generator.integers(0, 256, (12, 12, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(folder / f"{number}{PICTURE}")
    return tmp_path / "data"


@pytest.fixture
def run(covpool, hostile, tmp_path):
    words = ["small/conv4", "--data", hostile, "--transform.image_size", 12, "--run", "run", "--steps", 1, "--quiet"]
    said = covpool("train", *words, "--schedule.warmup_epochs", 0)
    assert said.code == 0, said.err
    return tmp_path / "run"


def shown(path, *names):
    """The page shows the names, runs none of them, and has one script of its own at most."""
    page = Page(path)
    assert page.acting == []
    assert page.scripts <= 1
    for name in names:
        assert name in page.text


def test_the_page_of_a_comparison(covpool, hostile, tmp_path):
    words = ["--frozen", "--backbones", "conv4", "--pools", "avg", "--seeds", 1, "--no-controls", "--no-pretrained"]
    said = covpool("compare", "--data", hostile, *words, "--cache", "cache", "--out", "out", "--quiet")
    assert said.code == 0, said.err
    shown(tmp_path / "out" / "report.html", CLASS)


def test_the_page_of_a_run_and_its_evaluation(covpool, hostile, run, tmp_path):
    said = covpool("report", run, "--data", hostile, "--output", "page.html")
    assert said.code == 0, said.err
    shown(tmp_path / "page.html", CLASS)


def test_the_page_of_an_explanation(covpool, hostile, run, tmp_path):
    said = covpool("explain", next((hostile / "val" / CLASS).iterdir()), "--weights", run, "--output", "page.html")
    assert said.code == 0, said.err
    shown(tmp_path / "page.html", CLASS, PICTURE)


def test_the_page_of_a_check(covpool, hostile, tmp_path):
    said = covpool("data", "check", hostile, "--output", "page.html", "--quiet")
    assert said.code == 0, said.err
    shown(tmp_path / "page.html", CLASS)
