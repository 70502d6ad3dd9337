import csv
import io
import json
from xml.etree import ElementTree

import pytest


def test_a_network_is_calibrated_and_predict_takes_the_file(covpool, trained, tmp_path):
    words = ["calibrate", trained, "--data", "digits", "--split", "test", "--output", "c.json", "--diagram", "r.svg"]
    said = covpool(*words)
    assert said.code == 0, said.err
    assert "adaptive ECE" in said.out
    found = json.loads((tmp_path / "c.json").read_text())
    assert f"temperature     {found['temperature']:.4f}" in said.out
    assert ElementTree.parse(tmp_path / "r.svg").getroot().tag.endswith("svg")
    assert covpool(*words).err.splitlines()[0] == "error: 2 mistakes"

    from covpool.data import open_images

    open_images("digits").train.read(0).save(tmp_path / "a.png")
    shares = []
    for temperature in ("c.json", "1", found["temperature"], 50):
        said = covpool("predict", trained, "a.png", "--temperature", temperature)
        assert said.code == 0, said.err
        shares.append([float(row["probability"]) for row in csv.DictReader(io.StringIO(said.out))])
    assert shares[0] == shares[2] != shares[1]
    assert shares[3][0] == pytest.approx(0.1, abs=0.03)


def test_kept_predictions_do_as_well(covpool, trained):
    kept = covpool("evaluate", trained, "--data", "digits", "--split", "test", "--save-predictions", "p.npz")
    assert kept.code == 0, kept.err
    one = covpool("calibrate", "p.npz", "--seed", 3).out
    assert one == covpool("calibrate", trained, "--data", "digits", "--split", "test", "--seed", 3).out
    assert "holds predictions; --data needs the network" in covpool("calibrate", "p.npz", "--data", "digits").err


def test_mistakes_are_told(covpool, trained):
    said = covpool("calibrate", trained, "--fraction", 1, "--bins", 0, "--diagram", "x.png")
    assert said.code == 2
    assert said.err.splitlines()[0] == "error: 4 mistakes"
    said = covpool("predict", trained, "none.png", "--temperature", "-1")
    assert "--temperature needs a number above 0; got -1" in said.err
