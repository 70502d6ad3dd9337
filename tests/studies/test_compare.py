"""The whole comparison: its results, its file, its refusals."""

import json

import pytest

from covpool.data import ImageSource
from covpool.studies import CompareError, compare
from studies.tiny import CLASSES, recipe, source

ROW = {
    "id",
    "backbone",
    "stage",
    "pool",
    "role",
    "control_of",
    "order",
    "feature_map",
    "reduced_to",
    "out_features",
    "accuracy",
    "difference",
    "difference_to_control",
    "cost",
    "curves",
    "confusion",
    "mistakes",
    "effective_rank",
    "chosen",
    "seconds",
}
COST = {"parameters", "flops", "ms_per_image", "ms_per_image_spread", "peak_memory_mb", "train_seconds"}


def check(results, path) -> None:
    assert json.loads(path.read_text()) == json.loads(json.dumps(results))
    assert results["schema"] == "covpool-compare/1"
    assert results["data"]["classes"] == CLASSES
    assert (results["data"]["train_images"], results["data"]["val_images"]) == (60, 30)
    for row in results["rows"]:
        assert set(row) == ROW
        assert set(row["cost"]) >= COST
        assert sum(map(sum, row["confusion"])) == 30 * len(results["settings"]["seeds"])
    assert results["advice"]


def test_a_frozen_comparison_writes_what_it_returns_and_repeats_itself(tmp_path):
    events = []
    options = {"backbones": ["conv4"], "pools": "gem,isqrt(reduce_to=8)", "seeds": 2, "frozen": True, "image_size": 12}
    results = compare(
        source(), out=tmp_path / "a", cache=tmp_path / "cache", stages=["middle", 1], listen=events.append, **options
    )
    check(results, tmp_path / "a" / "results.json")
    assert [row["id"] for row in results["rows"]][:4] == [
        "conv4/middle/avg",
        "conv4/middle/gem",
        "conv4/middle/isqrt(reduce_to=8)",
        "conv4/middle/isqrt(reduce_to=8)+control",
    ]
    assert results["mode"] == "frozen"
    assert results["settings"]["stages"] == ["middle", "1"]
    assert events[0]["event"] == "compare-start"
    assert events[-1] == {"event": "compare-end"}
    ended = [event for event in events if event["event"] == "row-end"]
    assert len(ended) == len(events[0]["rows"]) * events[0]["seeds"]


def test_an_end_to_end_comparison_writes_what_it_returns(tmp_path):
    results = compare(source(), backbones=["conv4"], pools=["isqrt"], seeds=1, out=tmp_path, recipe=recipe(), epochs=1)
    check(results, tmp_path / "results.json")
    assert [row["role"] for row in results["rows"]] == ["baseline", "pool", "control"]
    assert results["settings"]["epochs"] == 1
    assert results["settings"]["recipe"]["schedule"]["epochs"] == 1
    assert results["rows"][1]["curves"][0]["epoch"] == [0]


def test_mistakes_in_names_are_told_before_anything_is_read(tmp_path):
    with pytest.raises(CompareError, match="did you mean 'isqrt'"):
        compare("no/such/folder", backbones=["conv4"], pools="isqrtt", out=tmp_path)
    with pytest.raises(CompareError, match="conv5"):
        compare("no/such/folder", backbones=["conv5"], pools="isqrt", out=tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_source_without_training_pictures_is_refused(tmp_path):
    whole = source()
    with pytest.raises(CompareError, match="no train pictures"):
        compare(ImageSource("x", None, whole.val, None, CLASSES, ""), backbones=["conv4"], pools="isqrt", out=tmp_path)


def test_results_name_the_source_without_its_path(tmp_path):
    folder = tmp_path / "pictures"
    for part in ("train", "val"):
        for index, picture in enumerate(source(12, 12).train.read(i) for i in range(12)):
            place = folder / part / CLASSES[index % 3]
            place.mkdir(parents=True, exist_ok=True)
            picture.save(place / f"{index}.png")
    results = compare(
        str(folder),
        backbones=["conv4"],
        pools="max",
        seeds=1,
        frozen=True,
        image_size=12,
        out=tmp_path / "out",
        cache=tmp_path / "cache",
    )
    assert results["data"]["source"] == "pictures"
    assert str(tmp_path) not in json.dumps(results)
