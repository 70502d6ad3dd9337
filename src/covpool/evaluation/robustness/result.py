"""The record of a judgement of robustness."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from covpool.evaluation.result import write_json
from covpool.evaluation.robustness.records import Condition, Records
from covpool.evaluation.stamp import stamp

SCHEMA = "covpool-robustness/1"


@dataclass(frozen=True, kw_only=True)
class Robustness:
    """How a network stands changes of its pictures. Errors are shares of wrong top-1 answers, 0..1; mCE is in percent.

    ``pictures`` says which corrupted pictures: "covpool" (generated, by ``settings``) or "released".
    ``errors``: corruption -> severity -> error. ``averages``: each under the name of what it averages (``summary``).
    ``sequences``: of ImageNet-P; ``attacks``: attack -> epsilon -> error; ``shifted``: folder -> accuracy.
    ``against``: with another network in AlexNet's place. ``about`` and ``stamp`` as in ``Result``.
    """

    images: int = 0
    skipped: int = 0
    clean_error: float | None = None
    pictures: str = "covpool"
    errors: dict[str, dict[int, float]] = field(default_factory=dict)
    averages: dict[str, float | None] = field(default_factory=dict)
    sequences: dict[str, Any] = field(default_factory=dict)
    attacks: dict[str, dict[str, float]] = field(default_factory=dict)
    shifted: dict[str, Any] = field(default_factory=dict)
    against: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    about: dict[str, Any] = field(default_factory=dict)
    stamp: dict[str, Any] = field(default_factory=stamp)
    schema: str = SCHEMA

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Robustness:
        """The inverse of ``to_dict``, also after JSON made words of the severities."""
        if data.get("schema") != SCHEMA:
            raise ValueError(f"a robustness result needs the schema {SCHEMA!r}; got {data.get('schema')!r}")
        errors = {name: {int(level): error for level, error in of.items()} for name, of in data["errors"].items()}
        return cls(**{**data, "errors": errors})

    def write(self, path: str | Path) -> None:
        """Write to ``path`` as JSON, whole or not at all."""
        write_json(path, self.to_dict())

    @classmethod
    def read(cls, path: str | Path) -> Robustness:
        """The result in the file ``path``.

        Raises:
            ValueError: it holds something else.
        """
        try:
            return cls.from_dict(json.loads(Path(path).read_text(encoding="utf-8")))
        except (ValueError, TypeError, AttributeError, KeyError) as error:
            raise ValueError(f"{path} is no result of covpool robustness: {error}") from error


def errors_of(records: Records, conditions: list[Condition]) -> dict[str, dict[int, float]]:
    """Corruption -> severity -> error."""
    found: dict[str, dict[int, float]] = {}
    for condition in conditions:
        found.setdefault(condition.name, {})[int(condition.level)] = records.error(condition)
    return found
