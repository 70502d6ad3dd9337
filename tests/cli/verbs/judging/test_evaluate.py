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


def test_predictions_are_kept_and_held_against_another_networks(covpool, trained, tmp_path):
    words = ["evaluate", trained, "--data", "digits", "--quiet"]
    first = covpool(*words, "--save-predictions", "a.npz")
    assert first.code == 0
    again = covpool("evaluate", "a.npz")
    assert again.out == first.out
    said = covpool(*words, "--protocol", "10-crop", "--crop-pct", "0.8", "--against", "a.npz", "--output", "r.json")
    assert [line.split()[0] for line in said.out.splitlines()[4:]] == ["against", "gain", "McNemar"]
    result = json.loads((tmp_path / "r.json").read_text())
    found = result["about"]["against"]
    assert found["pictures"] == 370
    assert abs(found["difference"] - (result["top1"] - found["b"])) < 1e-9
    assert result["about"]["protocol"] == "10-crop"
    assert result["about"]["preprocessing"]["crop_pct"] == 0.8


def test_tables_are_written_for_other_programs(covpool, trained, tmp_path):
    words = ["--per-class", "c.csv", "--confusion", "m.csv", "--csv", "all.csv", "--cost"]
    said = covpool("evaluate", trained, "--data", "digits", *words)
    assert said.code == 0
    assert said.out.splitlines()[-1].startswith("cost")
    assert (tmp_path / "c.csv").read_text().startswith("class,pictures,right,recall,low,high,")
    assert len((tmp_path / "m.csv").read_text().splitlines()) == 11
    covpool("evaluate", trained, "--data", "digits", "--csv", "all.csv", "--image-size", "16")
    names = [line.split(",")[0] for line in (tmp_path / "all.csv").read_text().splitlines()]
    assert names == ["model", "run", "run"]
    refused = covpool("evaluate", trained, "--data", "digits", *words)
    assert refused.code == 2
    assert "--per-class c.csv exists" in refused.err
    assert "--confusion m.csv exists" in refused.err


def test_a_subset_is_judged_on_the_outputs_of_its_classes(covpool, trained, tmp_path):
    from covpool.data import open_images

    images = open_images("digits").val
    for digit in (7, 2):
        (tmp_path / "some" / str(digit)).mkdir(parents=True)
        for i in (images.labels == digit).nonzero()[0][:20].tolist():
            images.read(i).save(tmp_path / "some" / str(digit) / f"{i}.png")
    refused = covpool("evaluate", trained, "--data", "some")
    assert refused.code == 1
    assert "--subset names judges it on the classes of the data alone" in refused.err
    words = ["evaluate", trained, "--data", "some", "--split", "all", "--quiet"]
    by_name = covpool(*words, "--subset", "names")
    by_number = covpool(*words, "--subset", "numbers", "--output", "r.json")
    assert by_name.code == 0
    assert by_name.out == by_number.out
    result = json.loads((tmp_path / "r.json").read_text())
    assert (result["classes"], result["images"]) == (["2", "7"], 40)
    assert result["about"]["subset"] == {"outputs": [2, 7], "of": 10}


def test_what_kept_predictions_cannot_say_is_refused(covpool, trained):
    covpool("evaluate", trained, "--data", "digits", "--save-predictions", "a.npz")
    said = covpool("evaluate", "a.npz", "--protocol", "mirror", "--data", "digits")
    assert said.code == 2
    assert "a.npz holds predictions; --data, --protocol needs the network" in said.err
    assert (
        "cannot be read as predictions"
        in covpool("evaluate", trained / "best.npz").err
        + covpool("evaluate", trained, "--data", "digits", "--against", trained / "best.pt").err
    )
    assert "did you mean" in covpool("evaluate", trained, "--data", "digits", "--protocol", "10-crp").err


def test_all_is_refused_where_the_set_has_a_split_of_its_own(covpool, trained):
    said = covpool("evaluate", trained, "--data", "digits", "--split", "all")
    assert said.code == 2
    assert "digits has no all images; it has train, val" in said.err


def test_files_that_are_no_predictions_and_tables_that_cannot_be_written_are_told_first(covpool, trained, tmp_path):
    (tmp_path / "notes.txt").write_text("notes")
    said = covpool("evaluate", trained, "--data", "digits", "--csv", "notes.txt/x.csv", "--per-class", ".")
    assert said.code == 2
    assert said.err.splitlines()[0] == "error: 2 mistakes"
    said = covpool("evaluate", trained, "--data", "digits", "--against", "notes.txt")
    assert (said.code, said.out) == (2, "")
    assert said.err == "error: notes.txt cannot be read as predictions of covpool: it is no .npz file\n"
    said = covpool("evaluate", "none.npz")
    assert (said.code, said.err) == (2, "error: there are no predictions at none.npz; covpool evaluate keeps some\n")
