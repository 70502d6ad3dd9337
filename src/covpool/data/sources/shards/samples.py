"""Members of a tar -> samples with a picture and a label."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from covpool.data.decode import EXTENSIONS
from covpool.formats import TarIndex

LABELS = ("cls", "label")
LOGITS = "logits.npy"  # of a teacher, one float16 or float32 a class
_LONGEST_LABEL = 1 << 10
_LONGEST_JSON = 1 << 16
_MOST_LABELS = 1 << 20


@dataclass
class Sample:
    """Files of one name: ``picture`` is the position of the picture's member, ``logits`` that of a teacher's answer."""

    key: str
    picture: int
    label: int | str  # a number, or the name of a class
    logits: int = -1  # none


@dataclass
class Found:
    """The samples of one shard, and how many were left out, by reason."""

    samples: list[Sample] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    names: dict[int, str] = field(default_factory=dict)  # of classes, where a .json tells


def samples_of(index: TarIndex) -> Found:
    """Group the members as WebDataset does: what stands before the first dot of the file name is the sample's."""
    found = Found()
    for key, members in _groups(index.names):
        pictures = [member for ending, member in members.items() if f".{ending.rpartition('.')[2]}" in EXTENSIONS]
        if len(pictures) != 1:
            found.left_out[f"{len(pictures)} pictures" if pictures else "no picture"] += 1
            continue
        try:
            sample = _sample(index, key, pictures[0], members, found.names)
            sample.logits = members.get(LOGITS, -1)
            found.samples.append(sample)
        except ValueError as error:
            found.left_out[str(error)] += 1
    return found


def _groups(names: list[str]) -> Iterator[tuple[str, dict[str, int]]]:
    """Neighbouring members of one name: (name, extension -> position)."""
    key, members = "", dict[str, int]()
    for position, name in enumerate(names):
        folder, slash, last = name.rpartition("/")
        stem, _, ending = last.partition(".")
        if not stem:  # .hidden
            continue
        if members and folder + slash + stem != key:
            yield key, members
            members = {}
        key = folder + slash + stem
        members[ending.lower()] = position
    if members:
        yield key, members


def _sample(index: TarIndex, key: str, picture: int, members: dict[str, int], names: dict[int, str]) -> Sample:
    name = index.names[picture]
    for ending in LABELS:
        if ending in members:
            label = _label(index.read(members[ending], _LONGEST_LABEL + 1))
            if isinstance(label, int) and label not in names and "json" in members:
                names[label] = _class_of(_values(index, members["json"]))
            return Sample(name, picture, label)
    if "json" in members:
        return Sample(name, picture, _label_of(_values(index, members["json"]), names))
    if "/" in key:
        return Sample(name, picture, key.split("/")[-2])
    raise ValueError("no label (.cls, .json or a folder)")


def _label(raw: bytes) -> int | str:
    text = raw.decode("utf-8", "replace").strip()
    if not text or len(raw) > _LONGEST_LABEL:
        raise ValueError("an empty or overlong label")
    return _checked(int(text)) if re.fullmatch(r"[+-]?\d{1,9}", text) else text


def _checked(label: int) -> int:
    if not 0 <= label < _MOST_LABELS:
        raise ValueError(f"labels outside 0 to {_MOST_LABELS - 1}")
    return label


def _values(index: TarIndex, member: int) -> dict[str, object]:
    raw = index.read(member, _LONGEST_JSON + 1)
    try:
        values = json.loads(raw) if len(raw) <= _LONGEST_JSON else None
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise ValueError("a damaged .json")
    return values


def _label_of(values: dict[str, object], names: dict[int, str]) -> int | str:
    for word in ("label", "cls", "class"):
        label = values.get(word)
        if isinstance(label, int) and not isinstance(label, bool):
            names.setdefault(_checked(label), _class_of(values))
            return label
        if isinstance(label, str) and label:
            return _sayable(label)
    raise ValueError("a .json without a label")


def _class_of(values: dict[str, object]) -> str:
    name = values.get("class")
    return _sayable(name) if isinstance(name, str) else ""


def _sayable(name: str) -> str:
    """JSON can spell halves of a sign (backslash ud800), which no file or terminal takes."""
    return name.encode("utf-8", "replace").decode()
