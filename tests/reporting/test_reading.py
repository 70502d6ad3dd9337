import json

import pytest

from covpool.reporting.reading import read
from covpool.reporting.sections.parts import Found
from covpool.reporting.sections.runs import Run


def write(path, **content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


def test_a_run_folder_gives_the_run_and_the_other_results_in_it(tmp_path):
    write(tmp_path / "run" / "result.json", schema="covpool-result/1", top1=0.5)
    write(tmp_path / "run" / "robustness.json", schema="covpool-robustness/1", mce=0.8)
    write(tmp_path / "run" / "other.json", schema="someone-else/1")
    (tmp_path / "run" / "broken.json").write_text("{")
    run, found = read(tmp_path / "run")
    assert isinstance(run, Run)
    assert (run.name, run.file) == ("run", str(tmp_path / "run" / "result.json"))
    assert isinstance(found, Found)
    assert (found.name, found.kind, found.data["mce"]) == ("robustness", "covpool-robustness", 0.8)


def test_a_folder_of_folders_is_looked_through_one_level_down(tmp_path):
    for name in ("b", "a"):
        write(tmp_path / name / "result.json", schema="covpool-result/1")
    write(tmp_path / "deep" / "down" / "result.json", schema="covpool-result/1")
    assert [item.name for item in read(tmp_path)] == ["a", "b"]
    with pytest.raises(ValueError, match="found neither"):
        read(write(tmp_path / "none" / "x.txt").parent)


def test_a_nameless_file_takes_the_name_of_its_folder(tmp_path):
    path = write(tmp_path / "first" / "results.json", schema="covpool-compare/1")
    assert [item.name for item in read(path)] == ["first"]
    assert [item.name for item in read(write(tmp_path / "first" / "test.json", schema="covpool-cost/2"))] == ["test"]


def test_what_is_nothing_of_ours_is_refused_with_a_sentence(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is nothing at"):
        read(tmp_path / "absent")
    for number, content in enumerate(([], 3, {"schema": "x"}, {"schema": "covpool-result"})):
        path = tmp_path / f"{number}.json"
        path.write_text(json.dumps(content))
        with pytest.raises(ValueError, match="needs to hold the result"):
            read(path)
    (tmp_path / "deep.json").write_text("[" * 100_000)
    with pytest.raises(ValueError, match="is no JSON file"):
        read(tmp_path / "deep.json")
    (tmp_path / "best.pt").write_bytes(b"PK\x03\x04\x80\xff")
    with pytest.raises(ValueError, match="no text at all; name the run"):
        read(tmp_path / "best.pt")
