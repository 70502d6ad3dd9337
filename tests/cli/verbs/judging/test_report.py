import json
import os
import tarfile

import pytest
from PIL import Image

from reporting_cases import judged


def test_a_run_becomes_a_page(covpool, trained, tmp_path):
    said = covpool("report", trained)
    assert (said.code, said.out, said.err) == (0, "", "wrote report.html\n")
    assert "<h1><bdi>Run run</bdi></h1>" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_an_existing_page_is_kept_unless_forced(covpool, trained, tmp_path):
    (tmp_path / "report.html").write_text("precious")
    assert covpool("report", trained).code == 2
    assert (tmp_path / "report.html").read_text() == "precious"
    assert covpool("report", trained, "--force").code == 0


def test_tables_go_to_stdout_or_to_the_file_whose_ending_says_so(covpool, trained, tmp_path):
    assert covpool("report", trained, "--format", "md").out.startswith("## Runs\n\n| run | network |")
    assert covpool("report", trained, "--output", "x.csv").code == 0
    assert (tmp_path / "x.csv").read_text().startswith("run,network,top1")


def test_what_is_no_result_is_told(covpool, tmp_path):
    (tmp_path / "x.json").write_text(json.dumps({"schema": "other"}))
    assert covpool("report").code == 2
    said = covpool("report", "x.json")
    assert said.code == 2
    assert "its schema is 'other'" in said.err
    assert "there is nothing at nowhere" in covpool("report", "nowhere").err


@pytest.fixture
def mistaken(tmp_path):
    """A folder of pictures, the same in a .tar, and a result that names two of them and two that are none."""
    for split, name in (("train", "cat"), ("train", "dog"), ("val", "cat"), ("val", "dog")):
        path = tmp_path / "photos" / split / name / "1.png"
        path.parent.mkdir(parents=True)
        Image.new("RGB", (30, 30), "orange").save(path)
    with tarfile.open(tmp_path / "photos.tar", "w") as archive:
        archive.add(tmp_path / "photos", "photos")
    Image.new("RGB", (20, 20), "red").save(tmp_path / "secret.png")
    os.symlink(tmp_path / "secret.png", tmp_path / "photos" / "val" / "cat" / "link.png")
    keys = ("val/cat/1.png", "val/dog/1.png", "../secret.png", "val/cat/link.png", "a\0b")
    (tmp_path / "result.json").write_text(json.dumps(judged(("cat", "dog"), keys=keys)))
    members = [f"photos/{key}" for key in keys]
    (tmp_path / "of_tar.json").write_text(json.dumps(judged(("cat", "dog"), keys=members)))
    return tmp_path


@pytest.mark.parametrize(("result", "place"), [("result.json", "photos"), ("of_tar.json", "photos.tar")])
def test_confused_pictures_are_shown_from_a_folder_and_from_an_archive(covpool, mistaken, result, place):
    assert covpool("report", result, "--data", place).code == 0
    page = (mistaken / "report.html").read_text(encoding="utf-8")
    assert page.count('<img src="data:image/') == 2
    assert "To see them" not in page
    assert "None of them" not in page


def test_why_there_are_no_pictures_is_said(covpool, mistaken):
    (mistaken / "other").mkdir()
    covpool("report", "result.json")
    assert "To see them, name the pictures that were judged" in (mistaken / "report.html").read_text(encoding="utf-8")
    covpool("report", "result.json", "--data", "other", "--force")
    assert "None of them is in the place named with --data" in (mistaken / "report.html").read_text(encoding="utf-8")
    said = covpool("report", "result.json", "--data", "nowhere.tar", "--force")
    assert said.code == 2
    assert "--data needs the judged images" in said.err
