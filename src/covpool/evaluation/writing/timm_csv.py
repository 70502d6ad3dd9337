"""The table of results that timm's validation writes, one row a network."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path

from covpool.evaluation.result import Result
from covpool.evaluation.writing.as_csv import as_csv
from covpool.evaluation.writing.whole_file import whole_file
from covpool.foreign_text import text_of

COLUMNS = ("model", "top1", "top1_err", "top5", "top5_err", "param_count", "img_size", "crop_pct", "interpolation")
_SAME = ("model", "img_size", "crop_pct", "interpolation")  # what tells two rows apart


def timm_row(result: Result, model: str) -> dict[str, str]:
    """A row of timm's table: percent with three decimals, millions of parameters with two.

    Source: the columns and digits of results/results-imagenet.csv of huggingface/pytorch-image-models. Size, crop and
    interpolation are those of ``result.about["preprocessing"]``, parameters ``result.about["parameters"]``; a cell
    of what is not known is empty.
    """
    values, parameters = result.about.get("preprocessing") or {}, result.about.get("parameters")
    return {
        "model": model,
        "top1": f"{100 * result.top1:.3f}",
        "top1_err": f"{100 * (1 - result.top1):.3f}",
        "top5": f"{100 * result.top5:.3f}",
        "top5_err": f"{100 * (1 - result.top5):.3f}",
        "param_count": "" if parameters is None else f"{parameters / 1e6:.2f}",
        "img_size": str(values.get("image_size", "")),
        "crop_pct": f"{values['crop_pct']:.3f}" if "crop_pct" in values else "",
        "interpolation": str(values.get("interpolation", "")),
    }


def add_timm_row(path: str | Path, row: Mapping[str, str]) -> None:
    """Put ``row`` into the table at ``path``, which is made where there is none; best top-1 first, as timm sorts.

    A row of the same model, size, crop and interpolation is replaced; further columns of the file are kept.

    Raises:
        ValueError: the file there is another table.
    """
    path = Path(path)
    columns, rows = _read(path) if path.exists() else (list(COLUMNS), [])
    kept = [old for old in rows if any(old.get(name) != row[name] for name in _SAME)]
    table = sorted([*kept, dict(row)], key=lambda each: float(each["top1"]), reverse=True)
    with whole_file(path) as file:
        file.write(as_csv([columns, *([each.get(name) for name in columns] for each in table)]))


def _read(path: Path) -> tuple[list[str], list[dict[str, str]]]:
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        columns = list(reader.fieldnames or ())
        rows = [
            {name: text_of(value) if isinstance(value, str) else value for name, value in row.items()} for row in reader
        ]
    missing = [name for name in COLUMNS if name not in columns]
    wrong = [row for row in rows if None in row or not _is_number(row.get("top1"))]
    if missing or wrong:
        what = f"it has no column {', '.join(missing)}" if missing else f"it has the row {wrong[0]}"
        raise ValueError(f"{path} needs to be a table of results in timm's form; {what}. Name another file")
    return columns, rows


def _is_number(text: str | None) -> bool:
    try:
        float(text or "")
    except ValueError:
        return False
    return True
