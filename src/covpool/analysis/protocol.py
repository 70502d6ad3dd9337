"""What is measured of a network, with which numbers, and the measuring of it all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import nn

from covpool.analysis.activations import Activations
from covpool.analysis.conditioning import conditioning
from covpool.analysis.hessian import flatness, spectral_density
from covpool.analysis.landscape import RELEASED_DISTANCES, along_gradient, even_distances
from covpool.analysis.modes import Batch, modes
from covpool.analysis.objective import Loss, Objective
from covpool.analysis.sharpness import RADIUS, sharpness
from covpool.analysis.slices import line, plane
from covpool.analysis.spectrum import network_spectra
from covpool.registry import unknown

Measure = Callable[["Subject", "Protocol"], Any]


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """The numbers of the measures; all of them are stored with the results.

    Args:
        measures: names of ``MEASURES``.
        mode: batch norm and dropout for whatever varies the weights; see ``modes``. The batch's statistics (default)
            make sense at every step of a training, the first included.
        activation_mode: the same for the landscape in the activations; training, as in the released loop.
        example_mode: the same where examples are looked at one by one: conditioning and spectra.
        activation_distances, weight_distances: (least, largest, count). Those of the activations are the released
            ones of ResNet-18; those of the weights are ours, half to four times a learning rate of 0.1.
        seed: of probes, directions and draws inside the network.
        dtype: of all that is computed.
    """

    measures: tuple[str, ...] = ("activations", "weights", "hessian", "sharpness", "conditioning", "spectrum")
    mode: str = "batch-statistics"
    activation_mode: str = "training"
    example_mode: str = "calibrated"
    activation_distances: tuple[float, float, int] = RELEASED_DISTANCES
    weight_distances: tuple[float, float, int] = (0.05, 0.4, 10)
    radius: float = RADIUS
    lanczos_steps: int = 30
    eigenvalues: int = 5
    trace_samples: int = 10
    density_probes: int = 3
    slice_reach: float = 1.0
    slice_points: int = 21
    plane_points: int = 11
    examples: int = 64
    seed: int = 0
    dtype: Literal["float32", "float64"] = "float64"

    def __post_init__(self) -> None:
        for name in self.measures:
            if name not in MEASURES:
                raise ValueError(unknown("measure", name, MEASURES))
        for mode in (self.mode, self.activation_mode, self.example_mode):
            modes.resolve(mode)

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in asdict(self).items()}


class Subject:
    """A network with the batches and the loss that it is measured on; objectives are made once for each mode."""

    def __init__(self, network: nn.Module, batches: Sequence[Batch], loss: Loss, protocol: Protocol) -> None:
        self.network, self.batches, self.loss, self.protocol = network, batches, loss, protocol
        self._objectives: dict[str, Objective] = {}

    def objective(self, mode: str) -> Objective:
        """The loss as a function of the weights, in ``mode``."""
        if mode not in self._objectives:
            dtype = getattr(torch, self.protocol.dtype)
            self._objectives[mode] = Objective(
                self.network, self.batches, self.loss, mode=mode, seed=self.protocol.seed, dtype=dtype
            )
        return self._objectives[mode]


def measure(
    network: nn.Module, batches: Sequence[Batch], protocol: Protocol | None = None, *, loss: Loss = F.cross_entropy
) -> dict[str, Any]:
    """All measures of ``protocol`` on one network, for JSON: {"loss": ..., measure: ...}.

    Raises:
        NotFinite: a loss or a gradient is no number, with the measure that met it.
    """
    protocol = protocol or Protocol()
    subject = Subject(network, batches, loss, protocol)
    found: dict[str, Any] = {"loss": subject.objective(protocol.mode).value(subject.objective(protocol.mode).start)}
    for name in protocol.measures:
        try:
            found[name] = MEASURES[name](subject, protocol)
        except ValueError as error:
            raise type(error)(f"{name}: {error}") from error
    return found


def _activations(subject: Subject, protocol: Protocol) -> dict[str, Any]:
    """The released loop on the first batch, as it takes one batch a time."""
    function = Activations(
        subject.network,
        subject.batches[0],
        subject.loss,
        mode=protocol.activation_mode,
        seed=protocol.seed,
        dtype=getattr(torch, protocol.dtype),
    )
    found = along_gradient(function.gradient, function.start, even_distances(*protocol.activation_distances))
    return {"at": function.at, **found.to_dict()}


def _weights(subject: Subject, protocol: Protocol) -> dict[str, Any]:
    objective = subject.objective(protocol.mode)
    distances = even_distances(*protocol.weight_distances)
    return along_gradient(objective.gradient, objective.start, distances, sign=-1).to_dict()


def _hessian(subject: Subject, protocol: Protocol) -> dict[str, Any]:
    return flatness(
        subject.objective(protocol.mode),
        count=protocol.eigenvalues,
        steps=protocol.lanczos_steps,
        samples=protocol.trace_samples,
        seed=protocol.seed,
    )


def _density(subject: Subject, protocol: Protocol) -> dict[str, Any]:
    objective = subject.objective(protocol.mode)
    return spectral_density(
        lambda vector: objective.hessian_times(objective.start, vector),
        objective.start,
        steps=protocol.lanczos_steps,
        probes=protocol.density_probes,
        seed=protocol.seed,
    )


def _slices(subject: Subject, protocol: Protocol) -> dict[str, Any]:
    objective, reach, seed = subject.objective(protocol.mode), protocol.slice_reach, protocol.seed
    return {
        "line": line(objective, reach=reach, points=protocol.slice_points, seed=seed),
        "plane": plane(objective, reach=reach, points=protocol.plane_points, seed=seed),
    }


MEASURES: Mapping[str, Measure] = {
    "activations": _activations,
    "weights": _weights,
    "hessian": _hessian,
    "sharpness": lambda subject, protocol: sharpness(subject.objective(protocol.mode), protocol.radius),
    "conditioning": lambda s, protocol: conditioning(s.objective(protocol.example_mode), protocol.examples),
    "spectrum": lambda subject, protocol: network_spectra(subject.objective(protocol.example_mode)),
    "density": _density,
    "slices": _slices,
}
AT_THE_END = ("density", "slices")  # measures that are worth their time for the last weights only
