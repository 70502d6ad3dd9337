import os

import pytest
from jsonargparse import Namespace

from covpool.cli.options import (
    at_least,
    choices_in,
    dated_folder,
    folder_mistakes,
    names_in,
    out_mistakes,
    output_mistakes,
)


def test_a_file_is_replaced_only_by_force(tmp_path):
    there = tmp_path / "x.json"
    there.touch()
    assert output_mistakes(Namespace(output=str(tmp_path / "y.json"), force=False)) == []
    assert output_mistakes(Namespace(output=str(there), force=True)) == []
    assert "add --force to replace it" in output_mistakes(Namespace(output=str(there), force=False))[0]
    assert "is a folder" in output_mistakes(Namespace(output=str(tmp_path), force=True))[0]


def test_a_folder_with_something_in_it_is_not_taken(tmp_path):
    assert folder_mistakes("--run", None) == []
    assert folder_mistakes("--run", str(tmp_path)) == []
    (tmp_path / "x").touch()
    assert folder_mistakes("--run", str(tmp_path))[0].endswith("exists and is not empty; name another folder")
    assert folder_mistakes("--run", str(tmp_path), force=True) == []
    assert folder_mistakes("--run", str(tmp_path / "x"))[0].endswith("is a file; name a folder")
    (tmp_path / "recipe.yaml").touch()
    assert f"--resume {tmp_path}" in folder_mistakes("--run", str(tmp_path))[0]


def test_what_cannot_be_written_is_told_before_the_work(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "notes.txt").touch()
    assert output_mistakes(Namespace(output="new/deep/x.json", force=False)) == []
    (mistake,) = output_mistakes(Namespace(output="notes.txt/deep/x.json", force=True))
    assert mistake == ("--output notes.txt/deep/x.json cannot be written: notes.txt is a file; name another folder")
    (mistake,) = folder_mistakes("--run", "notes.txt/x")
    assert mistake == "--run notes.txt/x cannot be made: notes.txt is a file; name another folder"


@pytest.mark.skipif(os.access("/", os.W_OK), reason="root may write everywhere")
def test_a_folder_in_which_one_may_not_write_is_told_before_the_work(tmp_path):
    (tmp_path / "mine").mkdir(mode=0o500)
    (mistake,) = folder_mistakes("--run", str(tmp_path / "mine" / "x" / "y"))
    assert mistake.endswith(f"cannot be made: {tmp_path / 'mine'} is closed to you; name another folder")


def test_each_file_that_is_named_is_looked_at(tmp_path):
    there = tmp_path / "x.png"
    there.touch()
    named = Namespace(output=None, per_class=str(there), force=False)
    (mistake,) = output_mistakes(named, "output", "per_class")
    assert mistake.startswith(f"--per-class {there} exists; add --force")


def test_the_folder_of_an_interrupted_study_may_be_named_again(tmp_path):
    def mistakes(force=False):
        return out_mistakes(Namespace(out=str(tmp_path), force=force), runs="*/seed*", result="all.json")

    assert out_mistakes(Namespace(out=None, force=False), runs="*/seed*", result="all.json") == mistakes() == []
    (tmp_path / "avg" / "seed0").mkdir(parents=True)
    assert mistakes() == []
    (tmp_path / "all.json").touch()
    assert "exists and is not empty" in mistakes()[0]
    assert mistakes(force=True) == []


def test_dated_folders_never_collide(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folders = []
    for _ in range(3):
        folders.append(dated_folder("small/conv4"))
        folders[-1].mkdir(parents=True)
    assert len(set(folders)) == 3
    assert all(folder.name.startswith("small-conv4-") for folder in folders)


def test_lists_of_names_and_choices():
    mistakes: list[str] = []
    assert names_in("a, b,,c") == ["a", "b", "c"]
    assert list(map(str, choices_in("--pools", "avg,isqrt(steps=3)", mistakes))) == ["avg", "isqrt(steps=3)"]
    assert mistakes == []
    assert choices_in("--pools", "avg(", mistakes) == choices_in("--pools", "", mistakes) == []
    assert len(mistakes) == 2


@pytest.mark.parametrize(("value", "count"), [(0, 1), (1, 0), (None, 0)])
def test_limits_are_told_with_the_value(value, count):
    found = at_least(Namespace(batch_size=value), batch_size=1)
    assert found == [f"--batch-size needs at least 1; got {value}"] * count
