"""``covpool analyze`` from the command line."""

import json

import pytest

QUICK = ("--images", 8, "--batch-size", 8, "--distances", "0.1,1,2", "--measures", "activations,sharpness", "--quiet")


def test_a_run_is_measured_and_shown(covpool, trained, tmp_path):
    said = covpool("analyze", trained, *QUICK, "--out", "out")
    assert said.code == 0
    assert "| conv4 + isqrt |" in said.out
    found = json.loads((tmp_path / "out" / "analysis.json").read_text())
    assert found["settings"]["protocol"]["activation_distances"] == [0.1, 1.0, 2]
    assert found["groups"][0]["runs"][0]["points"][0]["activations"]["at"] == "backbone.blocks.0"
    assert "The loss around the weights" in (tmp_path / "out" / "analysis.html").read_text()
    assert (tmp_path / "out" / "analysis.md").read_text() == said.out
    again = covpool("analyze", trained, *QUICK, "--out", "out")
    assert again.code == 2
    assert "exists and is not empty" in again.err


@pytest.mark.slow
def test_recipes_are_trained_with_each_pool_and_measured_along_the_way(covpool, tmp_path):
    words = ("--train", "small/digits", "--pools", "avg,isqrt", "--seeds", 2, "--epochs", 1, "--points", 2)
    said = covpool("analyze", *words, *QUICK, "--out", "out")
    assert said.code == 0
    found = json.loads((tmp_path / "out" / "analysis.json").read_text())
    assert [group["name"] for group in found["groups"]] == ["conv4 + avg", "conv4 + isqrt"]
    assert [len(group["runs"]) for group in found["groups"]] == [2, 2]
    assert [point["step"] for point in found["groups"][0]["runs"][0]["points"]] == [0, 20]


def test_all_mistakes_of_a_line_are_told(covpool):
    said = covpool("analyze", "run", "--pools", "avg", "--measures", "x,sharpness", "--distances", "3", "--images", 1)
    assert said.code == 2
    for words in ("unknown measure 'x'", "--pools goes with --train", "--distances needs LOW", "--images needs at"):
        assert words in said.err
    assert "one of the two" in covpool("analyze").err
    assert "unknown recipe 'nope'" in covpool("analyze", "--train", "nope").err


def test_a_file_of_another_kind_is_refused_in_a_sentence(covpool, tmp_path):
    (tmp_path / "x.pt").write_bytes(b"not a checkpoint")
    said = covpool("analyze", "x.pt", "--data", "digits", *QUICK)
    assert said.code == 1
    assert "x.pt" in said.err
    assert "Traceback" not in said.err
