"""The record of an evaluation and its file."""

import json

import pytest
import torch

from covpool.evaluation.accuracy import wilson_interval
from covpool.evaluation.predict import Predictions
from covpool.evaluation.result import Result, write_json


def result() -> Result:
    logits = torch.tensor([[2.0, 0, 0], [0, 2.0, 0], [0, 2.0, 0], [0, 0, 2.0]])
    labels = torch.tensor([0, 1, 2, 2])
    said = Predictions(logits, labels, torch.arange(4))
    return Result.of(said, ["a", "b", "c"], skipped=1, about={"pool": "avg"})


def test_rates_counts_and_interval_are_those_of_the_predictions():
    judged = result()
    assert (judged.images, judged.skipped, judged.top1, judged.top5) == (4, 1, 0.75, 1.0)
    assert judged.confusion == [[1, 0, 0], [0, 1, 0], [0, 1, 1]]
    assert judged.per_class == [1.0, 1.0, 0.5]
    assert judged.top1_interval == tuple(wilson_interval(0.75, 4))
    right = torch.tensor(2.0).exp() / (torch.tensor(2.0).exp() + 2)
    wrong = 1 / (torch.tensor(2.0).exp() + 2)
    expected = -(3 * right.log() + wrong.log()) / 4
    assert judged.loss == pytest.approx(expected.item(), rel=1e-6)


def test_a_result_reads_back_as_it_was_written(tmp_path):
    path = tmp_path / "run" / "result.json"
    result().write(path)
    back = Result.read(path)
    assert back.to_dict() == json.loads(path.read_text())
    assert back.top1_interval == result().top1_interval


def test_a_file_of_another_schema_is_refused(tmp_path):
    path = tmp_path / "other.json"
    path.write_text('{"schema": "else/1"}')
    with pytest.raises(ValueError, match="covpool-result/1"):
        Result.read(path)


def test_not_a_number_becomes_null(tmp_path):
    write_json(tmp_path / "x.json", {"a": float("nan"), "b": [float("inf"), 1.5]})
    assert json.loads((tmp_path / "x.json").read_text()) == {"a": None, "b": [None, 1.5]}


def test_a_failed_write_leaves_the_former_file(tmp_path):
    path = tmp_path / "x.json"
    write_json(path, {"a": 1})
    with pytest.raises(TypeError):
        write_json(path, {"a": object()})
    assert json.loads(path.read_text()) == {"a": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["x.json"]
