"""From classes of the pictures to outputs of the network."""

import json

import pytest
from timm.data import ImageNetInfo

from covpool.evaluation import output_of_each_class


@pytest.mark.parametrize("subset", ["imagenet-a", "imagenet-r"])
def test_the_published_subsets_of_imagenet_are_timms_indices(subset: str):
    from importlib.resources import files

    stem = subset.replace("-", "_")
    info = files("timm") / "data" / "_info"
    classes = (info / f"{stem}_synsets.txt").read_text().split()
    expected = [int(line) for line in (info / f"{stem}_indices.txt").read_text().split()]
    assert output_of_each_class("imagenet", classes, 1000) == expected
    assert len(expected) == 200


def test_numbered_folders_are_in_the_order_of_their_names_not_of_their_numbers():
    assert output_of_each_class("numbers", ["0", "1", "10", "2"], 1000) == [0, 1, 10, 2]


def test_names_are_those_the_network_knows():
    assert output_of_each_class("names", ["dog", "ant"], 3, ["ant", "cat", "dog"]) == [2, 0]
    with pytest.raises(ValueError, match="does not know the names"):
        output_of_each_class("names", ["dog"], 3)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("map.json", json.dumps({"cat": 7, "dog": 4, "emu": 1})),
        ("map.json", json.dumps([7, 4])),
        ("map.txt", "cat 7\ndog 4\n"),
        ("map.txt", "cat, 7\ndog, 4\n"),
        ("map.txt", "7\n4\n"),
        ("map.txt", "a\nemu\nb\nc\ndog\nd\ne\ncat\n"),
        ("labels.csv", "index,wnid,short_name\n7,n1,cat\n4,n2,dog\n9,n3,emu\n"),
        ("labels.csv", "\ufeffindex,name\n7,cat\n4,dog\n"),
    ],
)
def test_a_file_says_it_in_any_of_the_usual_forms(name: str, text: str, tmp_path):
    (tmp_path / name).write_text(text, encoding="utf-8")
    assert output_of_each_class(tmp_path / name, ["cat", "dog"], 10) == [7, 4]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"cat": 1}', "no output for dog"),
        ('{"cat": 1, "dog": 1}', "several classes have the output 1"),
        ('{"cat": 1, "dog": 77}', "outputs 0 to 9, not 77"),
        ('{"cat": 1, "dog": -1}', "not -1"),
        ("[1, 2, 3]", "has 3 outputs; the pictures have 2"),
        ("[1, true]", "a whole number; got True"),
        ("[1, 2.5]", "a whole number; got 2.5"),
        ("17", "cannot be read"),
        ("{", "cannot be read"),
    ],
)
def test_a_map_that_does_not_fit_says_why(text: str, says: str, tmp_path):
    (tmp_path / "map.json").write_text(text)
    with pytest.raises(ValueError, match=says):
        output_of_each_class(tmp_path / "map.json", ["cat", "dog"], 10)


def test_tables_and_files_that_are_none_say_so(tmp_path):
    (tmp_path / "x.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="a column 'index'; it has a, b"):
        output_of_each_class(tmp_path / "x.csv", ["cat"], 10)
    (tmp_path / "y.csv").write_text("index,b\n1,2\n")
    with pytest.raises(ValueError, match="no column of it holds the classes of the pictures, such as 'cat'"):
        output_of_each_class(tmp_path / "y.csv", ["cat"], 10)
    with pytest.raises(ValueError, match="one of imagenet, names, numbers; got 'imagnet'"):
        output_of_each_class("imagnet", ["cat"], 10)


def test_the_names_in_the_usual_order_are_a_thousand():
    assert output_of_each_class("imagenet", ImageNetInfo().label_names(), 1000) == list(range(1000))
