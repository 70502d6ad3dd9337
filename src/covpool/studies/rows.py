"""Rows of a comparison: which there are, and the record of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from covpool.data import ImageSet
from covpool.data.inspect.thumbnails import thumbnail
from covpool.evaluation import confusion
from covpool.pooling import pools
from covpool.recipes import Choice
from covpool.studies.linear import Judged
from covpool.studies.statistics import accuracy_summary, paired_difference

BASELINE = "avg"
MISTAKES = 24  # pictures shown for a row
THUMBNAIL = 96  # pixels of the longer side at most


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A row to be filled. ``control_of`` is the id of the second-order row whose length it matches."""

    backbone: str
    stage: str | None
    choice: Choice
    control_of: str | None = None

    @property
    def place(self) -> str:
        """Backbone and stage, in the ids."""
        return self.backbone if self.stage is None else f"{self.backbone}/{self.stage}"

    @property
    def id(self) -> str:
        """Name of the row: place and pool, or the row that it controls."""
        return f"{self.place}/{self.choice}" if self.control_of is None else f"{self.control_of}+control"

    @property
    def baseline(self) -> str:
        """Id of the row of plain average pooling at the same place."""
        return f"{self.place}/{BASELINE}"

    @property
    def role(self) -> str:
        """What the row is there for: "pool", "baseline" (plain averages) or "control" (as long, of first order)."""
        if self.control_of is not None:
            return "control"
        return "baseline" if self.id == self.baseline else "pool"

    @property
    def order(self) -> int:
        """Of the statistics that the row's vector holds."""
        return 1 if self.control_of is not None else pools.get(self.choice.name).order


@dataclass
class Filled:
    """A row with what was measured: one ``Judged`` a seed, and what goes into its record as it is."""

    plan: Plan
    runs: list[Judged]
    record: dict[str, Any] = field(default_factory=dict)

    @property
    def correct(self) -> NDArray[np.bool_]:
        """(seeds, pictures)."""
        return np.stack([run.correct for run in self.runs])


def plan_rows(
    backbones: Sequence[str], stages: Sequence[str | None], choices: Sequence[Choice], *, controls: bool
) -> list[Plan]:
    """Per place: average pooling, then the pools in their order, each second-order one followed by its control."""
    plans = []
    for backbone, stage in product(backbones, stages):
        for choice in dict.fromkeys([Choice(BASELINE), *choices]):
            plan = Plan(backbone=backbone, stage=stage, choice=choice)
            plans.append(plan)
            if controls and plan.order == 2:
                plans.append(replace(plan, control_of=plan.id))
    return plans


def records(rows: Sequence[Filled], images: ImageSet) -> list[dict[str, Any]]:
    """The rows as results.json holds them, with differences between them."""
    by_id = {row.plan.id: row for row in rows}
    return [_record(row, by_id, images) for row in rows]


def difference(row: Filled, other: Filled) -> dict[str, Any]:
    """Accuracy of ``row`` minus that of ``other``, seed by seed on the same pictures, with its interval."""
    return {"to": other.plan.id, **paired_difference(row.correct, other.correct)}


def _record(row: Filled, by_id: Mapping[str, Filled], images: ImageSet) -> dict[str, Any]:
    plan = row.plan
    control = by_id.get(f"{plan.id}+control")
    return {
        "id": plan.id,
        "backbone": plan.backbone,
        "stage": plan.stage,
        "pool": str(plan.choice),
        "role": plan.role,
        "control_of": plan.control_of,
        "order": plan.order,
        "accuracy": accuracy_summary(row.correct),
        "difference": None if plan.role == "baseline" else difference(row, by_id[plan.baseline]),
        "difference_to_control": None if control is None else difference(row, control),
        "confusion": summed_confusion(row.runs, len(images.classes)),
        "mistakes": mistakes(row.runs, images),
        **row.record,
    }


def summed_confusion(runs: Sequence[Judged], num_classes: int) -> list[list[int]]:
    """Counts over all seeds; row = true class."""
    counts = sum(confusion(torch.from_numpy(run.labels), torch.from_numpy(run.predicted), num_classes) for run in runs)
    assert isinstance(counts, torch.Tensor)
    return counts.tolist()


def mistakes(runs: Sequence[Judged], images: ImageSet) -> list[dict[str, Any]]:
    """Pictures that most seeds got wrong, most confident first: the wrong class named most often, as a thumbnail.

    ``confidence`` is the mean probability that the wrong runs gave to what they said.
    """
    wrong = np.stack([~run.correct for run in runs])
    confidence = np.stack([run.confidence for run in runs])
    often = np.flatnonzero(2 * wrong.sum(axis=0) > len(runs))
    mean = (confidence * wrong).sum(axis=0) / np.maximum(wrong.sum(axis=0), 1)
    chosen = sorted(often, key=lambda at: (-mean[at], at))[:MISTAKES]
    return [_mistake(int(at), wrong[:, at], float(mean[at]), runs, images) for at in chosen]


def _mistake(
    at: int, wrong: NDArray[np.bool_], confidence: float, runs: Sequence[Judged], images: ImageSet
) -> dict[str, Any]:
    said = [int(run.predicted[at]) for run, is_wrong in zip(runs, wrong, strict=True) if is_wrong]
    index = int(runs[0].indices[at])
    return {
        "key": images.keys[index],
        "label": images.classes[int(runs[0].labels[at])],
        "predicted": images.classes[max(said, key=said.count)],
        "confidence": confidence,
        "wrong_seeds": int(wrong.sum()),
        "picture": thumbnail(images.read(index), THUMBNAIL),
    }
