"""Which output of a network stands for each class of the pictures: ImageNet's subsets, and maps of one's own."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from timm.data import ImageNetInfo

KNOWN = ("imagenet", "names", "numbers")


def output_of_each_class(
    source: str | Path, classes: Sequence[str], outputs: int, names: Sequence[str] | None = None
) -> list[int]:
    """The index of the network's output for each of ``classes``, so that only these columns are judged.

    ``source`` is one of

    - ``imagenet``: the classes are WordNet ids (n01440764), as in the folders of ImageNet-A, -R, -Sketch; the outputs
      are the 1000 in the usual order;
    - ``numbers``: the classes are the numbers of the outputs, as in the folders of ImageNetV2;
    - ``names``: the classes bear the names that the network knows for its outputs (``names``);
    - a JSON file: {class: output}, or a list of outputs, one a class in order;
    - a CSV file with a column ``index`` (the outputs) and a column that holds the classes;
    - a text file: lines ``class output``, or one output a line in the order of the classes, or the names of all
      outputs, one a line.

    Raises:
        ValueError: classes that the map does not have, outputs that the network does not have, or one output for two
            classes; the sentence names them.

    Example:
        >>> output_of_each_class("imagenet", ["n01443537", "n01484850"], 1000)
        [1, 2]
    """
    found = _table(str(source), classes, names)
    if isinstance(found, list):
        if len(found) != len(classes):
            raise ValueError(f"the map {source} has {len(found)} outputs; the pictures have {len(classes)} classes")
        found = dict(zip(classes, found, strict=True))
    chosen = [found.get(name) for name in classes]
    mistakes = _mistakes(classes, chosen, outputs)
    if mistakes:
        raise ValueError(f"the map {source} does not fit: {'; '.join(mistakes)}")
    return [int(output) for output in chosen if output is not None]


def _mistakes(classes: Sequence[str], chosen: Sequence[int | None], outputs: int) -> list[str]:
    missing = [name for name, output in zip(classes, chosen, strict=True) if output is None]
    outside = [o for o in chosen if o is not None and not 0 <= o < outputs]
    twice = sorted({o for o in chosen if o is not None and chosen.count(o) > 1})
    said = [f"it has no output for {_some(missing)}"] * bool(missing)
    said += [f"the network has the outputs 0 to {outputs - 1}, not {_some(outside)}"] * bool(outside)
    return said + [f"several classes have the output {_some(twice)}"] * bool(twice)


def _some(values: Sequence[Any]) -> str:
    more = f" and {len(values) - 5} more" if len(values) > 5 else ""
    return ", ".join(str(value) for value in values[:5]) + more


def _table(source: str, classes: Sequence[str], names: Sequence[str] | None) -> Mapping[str, int] | list[int]:
    if source == "imagenet":
        return _positions(ImageNetInfo("imagenet-1k").label_names())
    if source == "numbers":
        return {name: int(name) for name in classes if name.isdecimal()}
    if source == "names":
        if names is None:
            raise ValueError("the network does not know the names of its outputs; give a file that maps the classes")
        return _positions(names)
    path = Path(source)
    if not path.is_file():
        raise ValueError(f"a map needs to be a file, or one of {', '.join(KNOWN)}; got {source!r}")
    try:
        text = path.read_text(encoding="utf-8-sig")
        return _read(path, text, classes)
    except (ValueError, TypeError, csv.Error) as error:
        raise ValueError(f"the map {source} cannot be read: {error}") from error


def _read(path: Path, text: str, classes: Sequence[str]) -> Mapping[str, int] | list[int]:
    if path.suffix == ".json":
        found = json.loads(text)
        if isinstance(found, dict):
            return {str(name): _whole(output) for name, output in found.items()}
        return [_whole(output) for output in found]
    if path.suffix == ".csv":
        return _from_csv(text, classes)
    return _from_lines([line.split() for line in text.splitlines() if line.strip()])


def _from_csv(text: str, classes: Sequence[str]) -> Mapping[str, int]:
    rows = list(csv.DictReader(text.splitlines()))
    columns = list(rows[0]) if rows else []
    if "index" not in columns:
        raise ValueError(f"it needs a column 'index'; it has {', '.join(map(str, columns)) or 'no rows'}")
    wanted = set(classes)
    hits = {name: sum(row[name] in wanted for row in rows) for name in columns if name != "index"}
    if not any(hits.values()):
        raise ValueError(f"no column of it holds the classes of the pictures, such as {classes[0]!r}")
    best = max(hits, key=hits.__getitem__)
    return {row[best]: _whole(row["index"]) for row in rows if row[best] in wanted}


def _from_lines(lines: Sequence[Sequence[str]]) -> Mapping[str, int] | list[int]:
    if all(len(line) == 1 for line in lines):
        words = [line[0] for line in lines]
        return [int(word) for word in words] if all(map(str.isdecimal, words)) else _positions(words)
    return {" ".join(name).rstrip(","): _whole(output) for *name, output in lines}


def _positions(names: Sequence[str]) -> dict[str, int]:
    return {name: position for position, name in enumerate(names)}


def _whole(value: Any) -> int:
    if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
        raise ValueError(f"an output is a whole number; got {value!r}")
    return int(value)
