import json

from covpool.pooling import create_pool


def test_pools_are_timed_on_the_shape_that_was_asked_for(covpool, tmp_path):
    words = ["--pools", "avg,isqrt(steps=2)", "--in-features", "8", "--map", "4x3", "--batch-size", "2"]
    said = covpool("bench", "pool", *words, "--repeats", "2", "--device", "cpu", "--output", "x.json")
    assert said.code == 0
    assert [line.split("  ")[0] for line in said.out.splitlines()[2:]] == ["avg", "isqrt(steps=2)"]
    record = json.loads((tmp_path / "x.json").read_text())
    row = record["rows"][1]
    assert row["out_features"] == create_pool("isqrt", 8).out_features == 36
    low, middle, high = row["forward_backward_ms"]
    assert 0 < low <= middle <= high
    assert record["machine"]["cores"] >= 1


def test_networks_are_timed_for_every_pool(covpool):
    words = ["--backbones", "conv4", "--pools", "avg,isqrt", "--image-size", "16", "--batch-size", "2"]
    said = covpool("bench", "network", *words, "--repeats", "1", "--device", "cpu")
    assert "conv4 + avg" in said.out
    assert "conv4 + isqrt" in said.out


def test_all_wrong_values_are_told_together(covpool):
    said = covpool("bench", "pol", "--map", "7", "--repeats", "0", "--pools", "avg(")
    assert said.code == 2
    assert said.err.startswith("error: 4 mistakes")
    said = covpool("bench", "pool", "--pools", "avgg,isqrt(step=1)")
    assert said.err.startswith("error: 2 mistakes")
