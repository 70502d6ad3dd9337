from pathlib import Path

import pytest

from covpool.data import BadSource, open_images
from covpool.data.sources.shards.options import Keeping, split_options
from data.tars import write_shards


@pytest.mark.parametrize(
    ("source", "place", "keeping"),
    [
        ("s3://b/{0..9}.tar#limit=200GB", "s3://b/{0..9}.tar", Keeping(limit=200 * 10**9)),
        ("s3://b/a.tar#cache=/scratch/x,window=8", "s3://b/a.tar", Keeping(cache=Path("/scratch/x"), window=8)),
        ("a#limit=1.5k,ahead=0", "a", Keeping(limit=1500, ahead=0)),
        ("https://h/a.tar?x=1#part", "https://h/a.tar?x=1#part", None),
        ("shards/", "shards/", None),
    ],
)
def test_options_stand_after_the_last_mark(source, place, keeping):
    assert split_options(source) == (place, keeping)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ("limits=3", "'limits' is no option of shards .*did you mean 'limit'"),
        ("limit=much", "limit needs a size above 0, such as 200GB; got 'much'"),
        ("limit=0", "limit needs a size above 0"),
        ("window=0,ahead=100", "2 mistakes"),
    ],
)
def test_mistakes_in_options_are_named(tmp_path, options, sentence):
    write_shards(tmp_path, "train", [2])
    with pytest.raises(BadSource, match=sentence):
        open_images(f"{tmp_path}#{options}")


def test_options_of_what_is_no_shards_are_a_mistake(class_folders):
    with pytest.raises(BadSource, match=r"no shards at .*which the options after # go with"):
        open_images(f"{class_folders({'train/cat': 2, 'train/dog': 2})}#window=2")


def test_a_folder_may_be_called_like_options(class_folders, tmp_path):
    root = class_folders({"train/cat": 2, "train/dog": 2}, tmp_path / "set#window=2")
    assert len(open_images(root, val_fraction=0).train) == 4
