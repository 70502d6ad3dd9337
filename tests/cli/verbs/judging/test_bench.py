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


def test_the_speed_of_trained_networks_is_measured_over_batches_and_number_formats(covpool, trained, tmp_path):
    words = ["--runs", trained, "--batch-sizes", "1,4", "--precisions", "32-true,bf16-mixed", "--repeats", "2"]
    said = covpool("bench", "speed", *words, "--device", "cpu", "--output", "s.json")
    assert said.code == 0
    assert len(said.out.splitlines()) == 2 + 4
    record = json.loads((tmp_path / "s.json").read_text())
    assert record["schema"] == "covpool-speed/1"
    assert [(row["precision"], row["batch_size"]) for row in record["rows"]][1:3] == [("32-true", 4), ("bf16-mixed", 1)]
    assert record["rows"][0]["image_size"] == 8
    assert covpool("report", "s.json", "--format", "csv").code == 0


def test_the_speed_of_new_networks_too_and_mistakes_are_told(covpool):
    words = ["--backbones", "conv4", "--pools", "avg", "--image-size", "16", "--batch-sizes", "2", "--repeats", "1"]
    assert "conv4 + avg" in covpool("bench", "speed", *words, "--device", "cpu").out
    said = covpool("bench", "speed", "--batch-sizes", "1,x", "--precisions", "8-bit")
    assert said.err.startswith("error: 2 mistakes")
    assert "--batch-sizes belongs to covpool bench speed" in covpool("bench", "pool", "--batch-sizes", "1").err
