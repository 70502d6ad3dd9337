import json


def test_accuracy_is_printed_and_everything_is_written(covpool, trained, tmp_path):
    said = covpool("evaluate", trained, "--data", "digits", "--output", "out/result.json")
    assert said.code == 0
    assert [line.split()[0] for line in said.out.splitlines()] == ["top-1", "top-5", "loss", "images"]
    result = json.loads((tmp_path / "out" / "result.json").read_text())
    assert result == result | {"images": 370, "skipped": 0, "schema": "covpool-result/1"}
    assert result["about"]["split"] == "val"
    trained_result = json.loads((trained / "result.json").read_text())
    assert result["top1"] == trained_result["top1"]
    assert covpool("report", "out/result.json", "--format", "csv").out.startswith("run,network,top1,")


def test_another_split_can_be_named(covpool, trained):
    assert "images  1,000" in covpool("evaluate", trained, "--data", "digits", "--split", "train").out


def test_the_output_is_not_overwritten_without_force(covpool, trained, tmp_path):
    (tmp_path / "x.json").write_text("precious")
    said = covpool("evaluate", trained, "--data", "digits", "--output", "x.json")
    assert said.code == 2
    assert (tmp_path / "x.json").read_text() == "precious"
    assert covpool("evaluate", trained, "--data", "digits", "--output", "x.json", "--force").code == 0
    assert (tmp_path / "x.json").read_text() != "precious"


def test_what_is_missing_is_told(covpool, trained):
    said = covpool("evaluate")
    assert said.code == 2
    assert "covpool evaluate needs RUN" in said.err
    assert "covpool evaluate needs --data PATH" in said.err
    assert "no run folder or checkpoint at nowhere" in covpool("evaluate", "nowhere", "--data", "digits").err
    assert "did you mean 'digits'?" in covpool("evaluate", trained, "--data", "digts").err


def test_images_of_other_classes_are_refused_with_their_names(covpool, trained, tmp_path):
    from PIL import Image

    for name in ("cat", "dog"):
        for i in range(5):
            (tmp_path / "own" / name).mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (8, 8), (i, i, i)).save(tmp_path / "own" / name / f"{i}.png")
    said = covpool("evaluate", trained, "--data", "own")
    assert said.code == 1
    assert "unknown to it: cat, dog; not in the data: 0, 1, 2" in said.err
