"""Rows as timm writes them."""

import pytest
import torch

from covpool.evaluation import Predictions, Result
from covpool.evaluation.writing.timm_csv import add_timm_row, timm_row


def result(right: int, **about) -> Result:
    labels = torch.zeros(1000, dtype=torch.int64)
    logits = torch.eye(8)[(torch.arange(1000) >= right).long() * 7]
    logits[:, 1:6] += 0.5
    return Result.of(Predictions(logits, labels, torch.arange(1000)), [f"c{k}" for k in range(8)], about=about)


VALUES = {"image_size": 224, "crop_pct": 0.875, "interpolation": "bicubic"}


def test_a_row_is_in_percent_with_timms_digits():
    row = timm_row(result(793, parameters=25_557_032, preprocessing=VALUES), "resnet50")
    assert ",".join(row.values()) == "resnet50,79.300,20.700,79.300,20.700,25.56,224,0.875,bicubic"
    assert timm_row(result(793), "x")["img_size"] == ""


def test_rows_are_sorted_replaced_and_kept(tmp_path):
    path = tmp_path / "results.csv"
    path.write_text(
        "model,top1,top1_err,top5,top5_err,param_count,img_size,crop_pct,interpolation,rank_diff\n"
        'giant,90.056,9.944,98.982,1.018,"1,014.45",560,1.000,bicubic,+1\n'
    )
    add_timm_row(path, timm_row(result(800, preprocessing=VALUES), "mine"))
    add_timm_row(path, timm_row(result(950, preprocessing=VALUES), "better"))
    add_timm_row(path, timm_row(result(820, preprocessing=VALUES), "mine"))
    lines = path.read_text().splitlines()
    assert [line.split(",")[0] for line in lines[1:]] == ["better", "giant", "mine"]
    assert lines[3].startswith("mine,82.000,")
    assert lines[2].endswith('"1,014.45",560,1.000,bicubic,+1')


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "", "{}"])
def test_another_table_is_not_touched(text: str, tmp_path):
    path = tmp_path / "x.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match="timm's form"):
        add_timm_row(path, timm_row(result(1), "m"))
    assert path.read_text() == text
