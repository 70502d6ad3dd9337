"""Files and folders -> what a report shows of them."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from covpool.reporting.sections.parts import Found
from covpool.reporting.sections.runs import Run, read_run

COMPARE, RESULT = "covpool-compare", "covpool-result"
_SCHEMA = re.compile(r"covpool-[a-z0-9-]+/\d+")
_NAMELESS = ("result", "results", "sweep")


def read(path: str | Path) -> list[Run | Found]:
    """What is at a path: a JSON file of ours, a run folder, or a folder of such.

    In a run folder (summary.csv, result.json) every other JSON file with a schema of ours is read too. A folder that
    holds none of these is looked through one level down.

    Raises:
        FileNotFoundError: there is nothing.
        ValueError: there is nothing of ours.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"there is nothing at {path}; name a results.json, a result.json or a run folder")
    if path.is_file():
        return [_item(path, _loaded(path))]
    found = [*_folder(path)]
    for below in sorted(path.iterdir()) if not found else ():
        found += _folder(below) if below.is_dir() else ()
    if not found:
        raise ValueError(
            f"{path} needs to be a run folder with a summary.csv or a result.json, or hold results; found neither"
        )
    return found


def _folder(path: Path) -> Iterator[Run | Found]:
    if (path / "summary.csv").is_file() or (path / "result.json").is_file():
        yield _run(path)
    for file in sorted(path.glob("*.json")):
        if file.name != "result.json" and (data := _ours(file)) is not None:
            yield _item(file, data)


def _run(path: Path) -> Run:
    try:
        return read_run(path)
    except (ValueError, TypeError, RecursionError, csv.Error) as error:
        raise ValueError(f"the run in {path} cannot be read: {error}") from error


def _ours(file: Path) -> dict[str, Any] | None:
    """The content of a JSON file with a schema of ours; None for others, which may lie in a folder of results."""
    try:
        data = _loaded(file)
    except (OSError, ValueError):
        return None
    return data if _SCHEMA.fullmatch(_schema(data)) else None


def _loaded(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} is no JSON file, and no text at all; name the run or its results") from error
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file} is no JSON file: {error}") from error


def _item(file: Path, data: Any) -> Run | Found:
    schema = _schema(data)
    if not _SCHEMA.fullmatch(schema):
        raise ValueError(
            f"{file} needs to hold the result of a comparison, a run or an evaluation; its schema is {schema!r}"
        )
    name = file.stem if file.stem not in _NAMELESS else file.resolve().parent.name
    if schema.startswith(f"{RESULT}/"):
        return Run(name, result=data, file=str(file))
    return Found(name, data, str(file))


def _schema(data: Any) -> str:
    return str(data.get("schema", "")) if isinstance(data, dict) else ""
