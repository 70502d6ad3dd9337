"""``covpool robustness`` from end to end on digits, and what it refuses."""

import json

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def own(tmp_path):
    """Sixteen pictures of the digits' ten classes, in folders."""
    for i in range(20):
        folder = tmp_path / "own" / "val" / str(i % 10)
        folder.mkdir(parents=True, exist_ok=True)
        pixels = np.random.RandomState(i).randint(0, 256, (8, 8, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(folder / f"{i}.png")
    return tmp_path / "own"


def few(*words):
    return ("--data", "own", "--corruptions", "contrast,pixelate", "--severities", "1,5", *words)


def test_errors_are_printed_kept_and_continued(covpool, trained, own, tmp_path):
    said = covpool("robustness", trained, *few("--output", "r.json", "--results", "counts"))
    assert said.code == 0, said.err
    lines = said.out.splitlines()
    assert lines[0].split() == ["error", "in", "%", "1", "5", "mean"]
    assert [line.split()[0] for line in lines[1:3]] == ["contrast", "pixelate"]
    assert "20 (pictures corrupted by covpool)" in said.out
    result = json.loads((tmp_path / "r.json").read_text())
    assert result["schema"] == "covpool-robustness/1"
    assert set(result["errors"]) == {"contrast", "pixelate"}
    assert result["averages"] == {}
    assert result["about"]["data"] == "own"
    for path in (tmp_path / "own").rglob("*.png"):
        path.write_bytes(b"gone")  # nothing is read again
    assert covpool("robustness", trained, *few("--results", "counts")).out == said.out
    more = covpool("robustness", trained, *few("--results", "counts", "--seed", "1"))
    assert more.code == 2
    assert "holds counts of something else (seed differ)" in more.err


def test_saved_pictures_are_judged_from_the_released_layout_the_same(covpool, trained, own):
    made = covpool("robustness", trained, *few("--save", "c"))
    read = covpool("robustness", trained, "--data", "own", "--imagenet-c", "c")
    assert made.code == read.code == 0, read.err
    assert read.out.replace("released pictures", "pictures corrupted by covpool").split() == made.out.split()


def test_another_network_is_a_reference(covpool, trained, own):
    covpool("robustness", trained, *few("--output", "r.json"))
    said = covpool("robustness", trained, *few("--reference", "r.json"))
    assert [line.split()[-1] for line in said.out.splitlines() if line.startswith("mCE against")] == ["100.0"]
    other = covpool("robustness", trained, *few("--reference", "r.json", "--jpeg", "0"))
    assert other.code == 2
    assert "the reference judged other pictures (jpeg differ)" in other.err


def test_attacks_shifted_folders_and_sequences_are_judged(covpool, trained, own, tmp_path):
    for frame in range(4):
        folder = tmp_path / "p" / "tilt" / "3" / "v"
        folder.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (8, 8), (40 * frame,) * 3).save(folder / f"{frame}.png")
    words = ["--corruptions", "none", "--adversarial", "fgsm,pgd", "--epsilon", "1,16", "--imagenet-p", "p"]
    said = covpool("robustness", trained, "--data", "own", *words, "--shifted", "own/val", "--output", "r.json")
    assert said.code == 0, said.err
    result = json.loads((tmp_path / "r.json").read_text())
    assert set(result["attacks"]) == {"clean", "fgsm", "pgd"}
    assert result["attacks"]["pgd"]["16"] >= result["attacks"]["pgd"]["1"]
    assert result["shifted"]["val"]["images"] == 20
    assert set(result["sequences"]["perturbations"]) == {"tilt"}
    for words in ("error in %, epsilon", "without attack", "top-1 on", "sequences, difficulty 1"):
        assert words in said.out


def test_every_mistake_of_the_line_is_told(covpool, trained, tmp_path):
    wrong = "--severities 0-9 --epsilon x --jpeg 101 --adversarial fgsm --difficulty 4 --save d --reference none.json"
    said = covpool("robustness", trained, *wrong.split())
    assert said.code == 2
    for words in (
        "needs --data PATH, or --imagenet-c",
        "--severities needs numbers from 1 to 5",
        "--epsilon needs numbers above 0",
        "--jpeg needs a quality from 0 to 100; got 101",
        "--adversarial attacks the images of --data",
        "--difficulty needs to be 1, 2 or 3; got 4",
        "--save writes what is made of --data",
        "there is no file none.json",
    ):
        assert words in said.err
    assert "did you mean 'fog'" in covpool("robustness", trained, "--data", "digits", "--corruptions", "fogg").err
    (tmp_path / "x.json").write_text("{}")
    wrong = covpool("robustness", trained, "--data", "digits", "--reference", "x.json")
    assert "is no result of covpool robustness" in wrong.err


def test_other_classes_are_refused_with_their_names(covpool, trained, tmp_path):
    for name in ("cat", "dog"):
        for i in range(5):
            (tmp_path / "pets" / name).mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (8, 8), (i, i, i)).save(tmp_path / "pets" / name / f"{i}.png")
    said = covpool("robustness", trained, "--data", "pets", "--corruptions", "none")
    assert said.code == 2
    assert "the network has 10 outputs and knows no class 'cat', 'dog'" in said.err


def test_folders_that_are_files_are_told_before_anything_is_judged(covpool, trained, own, tmp_path):
    (tmp_path / "notes.txt").touch()
    said = covpool("robustness", trained, *few("--save", "notes.txt/x", "--results", "notes.txt"))
    assert (said.code, said.err.splitlines()[0]) == (2, "error: 2 mistakes")
