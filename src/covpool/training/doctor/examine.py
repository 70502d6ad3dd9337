"""Take the step again, with an eye on every module, and say where the first value that is no number came from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim import Optimizer

from covpool.pooling import SecondOrderPool
from covpool.training.doctor.tracer import Fault, Tracer, is_finite
from covpool.training.loop.gradients import running_statistics
from covpool.training.loop.objective import Objective
from covpool.training.parts.precision import loss_scale
from covpool.training.run import set_generator_states


@dataclass(frozen=True, kw_only=True)
class Patient:
    """What is needed to take a step again; the network is in the mode and has the weights it had then."""

    objective: Objective
    fabric: Fabric
    optimizer: Optimizer
    batches: list[tuple[Tensor, Tensor]]
    generators: Mapping[str, Any]

    @property
    def network(self) -> nn.Module:
        """The plain network."""
        return self.objective.network


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Where it began.

    Attributes:
        stage: "input", "backbone", a slot of the pool ("reduce", "describe", "normalize", ...), "pool", "classifier",
            "loss", "update" (the step before spoilt the weights), "statistics" (the steps are finite, the variances
            that norms keep of them are not), or "unknown" (taken again, the step is finite).
        direction: "forward", "backward" or "before".
        module: the name of the submodule, as in ``network.get_submodule``.
        batch: which of the step's batches, from 0.
        about: what the causes are judged by.
    """

    stage: str
    direction: str
    module: str = ""
    kind: str = ""
    where: str = ""
    batch: int = 0
    about: dict[str, Any] = field(default_factory=dict)


def examine(patient: Patient) -> Finding:
    """The finding for ``patient``; its gradients and running statistics are changed on the way."""
    return (
        _spoilt_weights(patient)
        or _broken_pictures(patient)
        or _take_again(patient)
        or _take_again(patient, spared=_slots(patient.network))
        or _spoilt_statistics(patient)
        or Finding(stage="unknown", direction="forward")
    )


def _spoilt_weights(patient: Patient) -> Finding | None:
    found = _spoilt(patient, patient.network.named_parameters(), "update", "parameter", "parameters")
    return found and replace(found, about={**found.about, "optimizer_state": _spoilt_state(patient)})


def _spoilt_statistics(patient: Patient) -> Finding | None:
    """Of a step that is finite: what is no number in it would have spoilt them too."""
    return _spoilt(patient, running_statistics(patient.network).items(), "statistics", "buffer", "statistics")


def _spoilt(
    patient: Patient, named: Iterable[tuple[str, Tensor]], stage: str, where: str, kept_as: str
) -> Finding | None:
    """Those of ``named`` that were no numbers when the step began, told as ``about[kept_as]``; None where all were."""
    wrong = [name for name, values in named if not is_finite(values)]
    if not wrong:
        return None
    module = wrong[0].rpartition(".")[0]
    kind = type(patient.network.get_submodule(module)).__name__
    about = {kept_as: wrong[:5], "count": len(wrong)}
    return Finding(stage=stage, direction="before", module=module, kind=kind, where=where, about=about)


def _spoilt_state(patient: Patient) -> str | None:
    """The first number of the optimizer's own that is not finite, as "exp_avg of head.classifier.weight"."""
    names: dict[Tensor, str] = {p: name for name, p in patient.network.named_parameters()}
    for parameter, state in patient.optimizer.state.items():
        for key, value in state.items():
            if isinstance(value, Tensor) and not is_finite(value):
                return f"{key} of {names.get(parameter, 'a parameter')}"
    return None


def _broken_pictures(patient: Patient) -> Finding | None:
    for place, (images, targets) in enumerate(patient.batches):
        wrong = [i for i, image in enumerate(images) if not is_finite(image)]
        if wrong or not is_finite(targets):
            about = {"images": wrong, "targets": not is_finite(targets)}
            return Finding(stage="input", direction="forward", where="batch", batch=place, about=about)
    return None


def _slots(network: nn.Module) -> list[str]:
    """The slots of pools that compute several of them at once, unless one of them is watched."""
    pools = [name for name, module in network.named_modules() if isinstance(module, SecondOrderPool)]
    slots = ("describe", "normalize", "vectorize")
    return [name for name, _ in network.named_modules() for pool in pools if name.startswith(_below(pool, slots))]


def _below(pool: str, slots: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{pool}.{slot}" if pool else slot for slot in slots)


def _take_again(patient: Patient, spared: list[str] | None = None) -> Finding | None:
    set_generator_states(patient.generators)
    total = sum(len(images) for images, _ in patient.batches)
    for place, (images, targets) in enumerate(patient.batches):
        patient.network.zero_grad(set_to_none=True)
        found = _one_batch(patient, images, targets, len(images) / total, spared or [])
        if found is not None:
            stage, direction, fault, about = found
            network = patient.network
            kind = fault.kind or type(network).__name__
            return Finding(
                stage=stage,
                direction=direction,
                module=fault.module,
                kind=kind,
                where=fault.where,
                batch=place,
                about={**fault.inputs, **about},
            )
    return None


def _one_batch(
    patient: Patient, images: Tensor, targets: Tensor, share: float, spared: list[str]
) -> tuple[str, str, Fault, dict[str, Any]] | None:
    tracer = Tracer(patient.network, spared=spared)
    images, targets = patient.fabric.to_device((images, targets))
    with tracer.watching():
        try:
            logits, loss = patient.objective(images, targets)
        except torch.linalg.LinAlgError:
            fault = tracer.forward_fault_at_error() or _of_loss(patient)
            return stage_of(fault.module), "forward", fault, _matrices(tracer)
        if not is_finite(loss):
            fault = tracer.forward_fault or _of_loss(patient)
            return _stage(fault), "forward", fault, _matrices(tracer) | _answers(logits)
        patient.fabric.backward(loss * (share / loss_scale(patient.fabric)))  # an overflow of the scale is no fault
    return _backward(patient, tracer, logits)


def _backward(patient: Patient, tracer: Tracer, logits: Tensor) -> tuple[str, str, Fault, dict[str, Any]] | None:
    wrong = [name for name, p in patient.network.named_parameters() if p.grad is not None and not is_finite(p.grad)]
    if not wrong:
        return None
    fault = tracer.backward_fault() or _of_loss(patient)
    about = _matrices(tracer) | _answers(logits) | {"gradients": wrong[:5], "count": len(wrong)}
    return _stage(fault), "backward", fault, about


def _of_loss(patient: Patient) -> Fault:
    return Fault("loss", type(patient.objective.loss).__name__, "loss", {})


def _stage(fault: Fault) -> str:
    return "loss" if fault.where == "loss" else stage_of(fault.module)


def stage_of(module: str) -> str:
    """The stage of a submodule's name.

    Example:
        >>> [stage_of(name) for name in ("backbone.layer1.0", "head.pool.normalize", "head.classifier", "head.pool")]
        ['backbone', 'normalize', 'classifier', 'pool']
    """
    first, *rest = module.split(".")
    if first != "head" or not rest:
        return first or "network"
    return next((part for part in rest if part != "pool"), "pool")


def _answers(logits: Tensor) -> dict[str, Any]:
    return {"largest_logit": logits.detach().abs().max().item()} if is_finite(logits) else {}


def _matrices(tracer: Tracer) -> dict[str, Any]:
    """Of the statistic that the pool made: the smallest trace, and the smallest share of directions it fills."""
    for matrices in tracer.seen.values():
        square = matrices.ndim >= 3 and matrices.shape[-1] == matrices.shape[-2]
        if not square or not is_finite(matrices):
            continue
        matrices = matrices.float().flatten(0, -3)
        values = torch.linalg.eigvalsh(matrices)
        largest = values[:, -1].clamp_min(torch.finfo(values.dtype).tiny)
        filled = (values > 1e-6 * largest[:, None]).float().mean(dim=1)
        trace = matrices.diagonal(dim1=-2, dim2=-1).sum(-1)
        return {"trace_min": trace.min().item(), "filled_min": filled.min().item(), "channels": matrices.shape[-1]}
    return {}
