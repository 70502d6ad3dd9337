"""The record of one evaluation, and JSON files that are whole or absent."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch.nn.functional as F

from covpool.evaluation.accuracy import Interval, confusion, per_class_accuracy, topk_accuracy, wilson_interval
from covpool.evaluation.predict import Predictions
from covpool.evaluation.stamp import stamp
from covpool.evaluation.writing.mistakes import worst_mistakes
from covpool.evaluation.writing.whole_file import whole_file

SCHEMA = "covpool-result/1"


@dataclass(frozen=True, kw_only=True)
class Result:
    """What a network did on a set of pictures. Rates are in 0..1; intervals are Wilson's at 95 %.

    ``mistakes`` names the pictures behind the worst cells of the confusion, where the names are known; see
    ``covpool.evaluation.writing.mistakes``.
    ``about`` holds what the caller knows of the network: its architecture, preprocessing, recipe, weights.
    ``stamp`` says when, by which code and on which machine; see ``covpool.evaluation.stamp``.
    """

    images: int
    skipped: int
    top1: float
    top1_interval: Interval
    top5: float
    top5_interval: Interval
    loss: float
    classes: list[str]
    per_class: list[float | None]
    confusion: list[list[int]]
    mistakes: list[dict[str, Any]] = field(default_factory=list)
    about: dict[str, Any] = field(default_factory=dict)
    stamp: dict[str, Any] = field(default_factory=stamp)
    schema: str = SCHEMA

    @classmethod
    def of(
        cls,
        predictions: Predictions,
        classes: Sequence[str],
        *,
        skipped: int = 0,
        keys: Sequence[str] | None = None,
        about: Mapping[str, Any] | None = None,
    ) -> Result:
        """Summarise ``predictions``, whose rows ``keys`` name; ``skipped`` unreadable pictures are in no rate."""
        n, labels = len(predictions), predictions.labels
        counts = confusion(labels, predictions.logits.argmax(dim=1), len(classes))
        top1 = predictions.correct.double().mean().item()
        top5 = topk_accuracy(predictions.logits, labels, k=5)
        return cls(
            images=n,
            skipped=skipped,
            top1=top1,
            top1_interval=wilson_interval(top1, n),
            top5=top5,
            top5_interval=wilson_interval(top5, n),
            loss=F.cross_entropy(predictions.logits, labels).item(),
            classes=list(classes),
            per_class=per_class_accuracy(counts),
            confusion=counts.tolist(),
            mistakes=[] if keys is None else worst_mistakes(predictions, keys, classes),
            about=dict(about or {}),
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; tuples become lists."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Result:
        """The inverse of ``to_dict``."""
        if data.get("schema") != SCHEMA:
            raise ValueError(f"a result needs the schema {SCHEMA!r}; got {data.get('schema')!r}")
        pairs = {key: Interval(*data[key]) for key in ("top1_interval", "top5_interval")}
        return cls(**{**data, **pairs})

    def write(self, path: str | Path) -> None:
        """Write to ``path`` as JSON, whole or not at all."""
        write_json(path, self.to_dict())

    @classmethod
    def read(cls, path: str | Path) -> Result:
        """The result in the file ``path``."""
        return cls.from_dict(json.loads(Path(path).read_text(encoding="utf-8")))


def write_json(path: str | Path, data: Mapping[str, Any]) -> None:
    """Write JSON under a temporary name, flush it to the disk, then rename: a reader never meets half a file.

    NaN and infinity become null, because they are no JSON.
    """
    text = json.dumps(_finite(data), indent=1, allow_nan=False)
    with whole_file(path) as file:
        file.write(f"{text}\n".encode())


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not abs(value) < float("inf"):
        return None
    return value
