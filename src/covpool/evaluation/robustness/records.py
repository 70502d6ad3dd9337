"""Counts of right and wrong answers by condition, kept in a folder so that an interrupted work goes on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from covpool.evaluation.result import write_json

_PLAN = "plan.json"


class Condition(NamedTuple):
    """What was done to pictures and how strongly: a corruption and its severity, or an attack and its epsilon."""

    name: str
    level: float = 0

    def __str__(self) -> str:
        return f"{self.name}-{self.level:g}"


CLEAN = Condition("clean")


class Count(NamedTuple):
    """Pictures judged, and how many of them wrongly."""

    images: int
    wrong: int


class Records:
    """Counts of every part of the pictures under every condition, one file a condition.

    A file is replaced as a whole after each part, so a kill loses the part at work and nothing else.

    Args:
        folder: where the files are; None keeps everything in memory.
        facts: what the counts depend on. A folder that was begun with others is refused.

    Raises:
        ValueError: the folder holds counts of something else, or is not empty and no such folder.
    """

    def __init__(self, folder: Path | None, facts: Mapping[str, Any]) -> None:
        self.folder = folder
        self._counts: dict[Condition, dict[int, Count]] = {}
        if folder is None:
            return
        plan = json.loads(json.dumps(facts))
        if (folder / _PLAN).exists():
            self._compare(json.loads((folder / _PLAN).read_text(encoding="utf-8")), plan)
        elif folder.exists() and any(folder.iterdir()):
            raise ValueError(f"{folder} is not empty and holds no judgement to go on with; name a new folder")
        else:
            write_json(folder / _PLAN, plan)

    def _compare(self, begun: dict[str, Any], plan: dict[str, Any]) -> None:
        other = [key for key in sorted({*begun, *plan}) if begun.get(key) != plan.get(key)]
        if other:
            raise ValueError(
                f"{self.folder} holds counts of something else ({', '.join(other)} differ); name another folder, "
                "or give the same network, data and options to go on"
            )

    def missing(self, conditions: Iterable[Condition], part: int) -> list[Condition]:
        """The conditions under which this part was not judged yet."""
        return [condition for condition in conditions if part not in self._of(condition)]

    def add(self, condition: Condition, part: int, count: Count) -> None:
        """Note a part that is judged in full."""
        counts = self._of(condition)
        counts[part] = count
        if self.folder is not None:
            parts = {str(number): list(of) for number, of in counts.items()}
            write_json(self.folder / f"{condition}.json", {"condition": list(condition), "parts": parts})

    def count(self, condition: Condition) -> Count:
        """All parts together."""
        counts = self._of(condition).values()
        return Count(sum(c.images for c in counts), sum(c.wrong for c in counts))

    def error(self, condition: Condition) -> float:
        """Share of wrong answers; NaN without pictures."""
        images, wrong = self.count(condition)
        return wrong / images if images else float("nan")

    def _of(self, condition: Condition) -> dict[int, Count]:
        if condition not in self._counts:
            self._counts[condition] = self._read(condition)
        return self._counts[condition]

    def _read(self, condition: Condition) -> dict[int, Count]:
        path = None if self.folder is None else self.folder / f"{condition}.json"
        if path is None or not path.exists():
            return {}
        try:
            parts = json.loads(path.read_text(encoding="utf-8"))["parts"]
            return {int(number): Count(*of) for number, of in parts.items()}
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{path} is damaged ({error}); remove it to have it made again") from error
