"""From a step that went wrong to what is told of it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from covpool.recipes import Recipe
from covpool.training.doctor.case import DIAGNOSIS, Case
from covpool.training.doctor.causes import Evidence, likely_causes
from covpool.training.doctor.examine import Finding, Patient, examine
from covpool.training.doctor.tracer import is_finite
from covpool.training.run import whole_file

_BEFORE = {  # the stage of what was spoilt before the step -> what it is, and what is said of it
    "update": ("parameters", " was no number before the step began"),
    "statistics": ("statistics", "; the step itself is finite"),
}


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """Where the first value that is no number came from, and the three likeliest causes.

    Attributes:
        step: number of the step, from 1.
        what: what was seen to be no number: "loss", "gradient norm", ...
    """

    step: int
    what: str
    finding: Finding
    causes: list[str]

    @property
    def first(self) -> str:
        """The first culprit as a sentence."""
        finding = self.finding
        module = f"{finding.module} ({finding.kind})" if finding.module else f"the network ({finding.kind})"
        batch = f", batch {finding.batch + 1} of the step"
        if finding.stage == "input":
            return f"first: the input{batch} holds values that are no numbers"
        if finding.stage in _BEFORE:
            what, end = _BEFORE[finding.stage]
            rest = finding.about["count"] - 1
            others = f" and {rest} more {what}" if rest else ""
            return f"first: {finding.about[what][0]} of {module}{others}{end}"
        if finding.stage == "unknown":
            return "first: not found; taken again, the step is finite"
        if finding.stage == "loss":
            way = "gradient" if finding.direction == "backward" else "value"
            return f"first: the {way} of the loss ({finding.kind}){batch}; the network's answers are finite"
        told = {
            "output": f"the output of {module}",
            "arithmetic": f"what {module} computes between its submodules",
            "gradient": f"the gradient that {module} passes back, which got a finite one",
            "arrival": f"the gradient that arrives at the output of {module}, from what is computed right behind it",
        }
        return f"first: {told[finding.where]}{batch}; stage: {finding.stage}"

    @property
    def text(self) -> str:
        """The first culprit and the causes, a line each."""
        causes = [f"  {number}. {cause}" for number, cause in enumerate(self.causes, start=1)]
        return "\n".join([self.first, "likely causes:", *causes])

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {**asdict(self), "first": self.first}

    def write(self, folder: Path) -> None:
        """Write diagnosis.json into ``folder``."""
        with whole_file(folder / DIAGNOSIS) as file:
            file.write((json.dumps(self.to_dict(), indent=1, default=str) + "\n").encode())


def diagnose(case: Case, patient: Patient) -> Diagnosis:
    """Take the step of ``case`` again with ``patient`` and judge what is seen."""
    recipe = Recipe.from_dict(case.state["about"]["recipe"])
    largest = _largest(list(patient.network.parameters()))
    finding = examine(patient)
    evidence = Evidence(
        finding=finding,
        value=case.value,
        precision=recipe.precision,
        losses=case.losses,
        lr=case.lr,
        peak_lr=recipe.optimizer.lr,
        clips=recipe.optimizer.clip_grad_norm is not None,
        weight_max=largest,
        picture_max=_largest([images for images, _ in case.batches]) or 0.0,
    )
    return Diagnosis(step=case.step, what=case.what, finding=finding, causes=likely_causes(evidence))


def _largest(tensors: list[Tensor]) -> float | None:
    """The largest number without its sign, or None where one is not finite."""
    if not all(map(is_finite, tensors)):
        return None
    return max((tensor.detach().abs().max().item() for tensor in tensors if tensor.numel()), default=0.0)
