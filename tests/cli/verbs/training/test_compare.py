import json

import pytest

from covpool.recipes import find_recipe

SMALL = ["--data", "digits", "--backbones", "conv4", "--pools", "avg,isqrt(reduce_to=8)", "--seeds", "1"]


@pytest.fixture
def slim(tmp_path):
    """A recipe whose training takes a moment: the images of one epoch in few steps."""
    text = find_recipe("small/digits").to_yaml().replace("batch_size: 50", "batch_size: 250")
    (tmp_path / "slim.yaml").write_text(text)
    return "slim.yaml"


def test_networks_are_trained_and_a_table_advice_and_report_are_left(covpool, tmp_path, slim):
    said = covpool("compare", *SMALL, "--recipe", slim, "--epochs", "1", "--out", "here")
    assert said.code == 0
    table, advice = said.out.split("\n\n", 1)
    assert [line.split("  ")[0] for line in table.splitlines()[2:]] == [
        "avg", "isqrt(reduce_to=8)", "isqrt(reduce_to=8) (control)",
    ]  # fmt: skip
    results = json.loads((tmp_path / "here" / "results.json").read_text())
    assert advice.strip() == results["advice"]
    page = (tmp_path / "here" / "report.html").read_text(encoding="utf-8")
    assert "Learning curves" in page
    assert "Confusions" in page
    assert "wrote here/results.json and here/report.html" in said.err.replace("\\", "/")
    assert covpool("report", "here", "--format", "csv").out.count("\n") == 4
    again = covpool("compare", *SMALL, "--out", "here")
    assert again.code == 2
    assert "--out here" in again.err


def test_frozen_features_are_judged_at_every_stage(covpool, tmp_path):
    said = covpool("compare", *SMALL, "--frozen", "--cache", "cache", "--out", "here", "--no-controls", "--quiet")
    assert said.code == 0
    results = json.loads((tmp_path / "here" / "results.json").read_text())
    assert [row["id"] for row in results["rows"]] == [
        f"conv4/{stage}/{pool}" for stage in ("middle", "last") for pool in ("avg", "isqrt(reduce_to=8)")
    ]
    assert "pools" not in said.err.splitlines()[0]
    assert (tmp_path / "here" / "report.html").exists()


def test_wrong_names_of_pools_backbones_and_data_are_told_together(covpool):
    said = covpool("compare", "--data", "digts", "--backbones", "conv5", "--pools", "avgg,isqrt(stp=1)")
    assert said.code == 2
    for part in ("did you mean 'digits'", "did you mean 'conv4'", "did you mean 'avg'", "did you mean 'steps'"):
        assert part in said.err


def test_wrong_options_are_told_together(covpool):
    said = covpool("compare", "--frozen", "--epochs", "0", "--recipe", "small/conv", "--seeds", "0", "--pools", "avg(")
    assert said.code == 2
    for part in (
        "covpool compare needs --data PATH", "--epochs needs at least 1", "--seeds needs at least 1",
        "lacks its closing bracket", "--recipe goes with training end to end", "did you mean 'small/conv4'",
    ):  # fmt: skip
        assert part in said.err


def test_options_of_the_other_way_are_refused(covpool):
    assert "--stages goes with --frozen; add it" in covpool("compare", "--data", "digits", "--stages", "last").err


def test_a_folder_with_results_is_kept_and_an_interrupted_one_may_go_on(covpool, tmp_path):
    (tmp_path / "here" / "conv4" / "avg" / "seed0").mkdir(parents=True)
    said = covpool("compare", "--data", "nothing-there", "--out", "here")
    assert "--out" not in said.err
    (tmp_path / "here" / "results.json").write_text("{}")
    assert "--out here exists" in covpool("compare", "--data", "nothing-there", "--out", "here").err


def test_a_cache_that_is_a_file_is_told_first(covpool, tmp_path):
    (tmp_path / "notes.txt").touch()
    said = covpool("compare", "--data", "digits", "--frozen", "--cache", "notes.txt")
    assert (said.code, said.err) == (2, "error: --cache notes.txt is a file; name a folder\n")
