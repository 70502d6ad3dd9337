"""Events of a training become curves: one flat mapping of names to numbers a step, for every logger alike."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from lightning_fabric.loggers import Logger
from torch import Tensor

from covpool.training.run import NotWritten

log = logging.getLogger("covpool")

CURVES = ("step", "evaluation", "epoch")
_GROUPS = {"lr_groups": "lr", "gradient_norm": "gradient_norm", "gate_use": "gate_use", "spectrum": "spectrum"}


class Loggers:
    """Hands the curves of events to each of ``loggers``."""

    def __init__(self, loggers: Sequence[Logger]) -> None:
        self.loggers = list(loggers)

    def write(self, event: Mapping[str, Any]) -> None:
        """Log the numbers of an event that has a step."""
        if event["event"] not in CURVES or not self.loggers:
            return
        metrics = curves(event)
        for logger in self.loggers:
            with _named(logger):
                logger.log_metrics(metrics, event["step"])

    def histogram(self, name: str, values: Tensor, step: int) -> None:
        """Log the distribution of ``values`` where a logger knows such."""
        for logger in self.loggers:
            draw = getattr(logger, "log_histogram", None) or getattr(
                getattr(logger, "experiment", None), "add_histogram", None
            )
            if draw is not None:
                with _named(logger):
                    draw(name, values, step)

    def close(self, status: str = "success") -> None:
        """Flush and close all of them; curves that cannot be finished are no reason to lose what is."""
        for logger in self.loggers:
            try:
                with _named(logger):
                    logger.finalize(status)
            except NotWritten as error:
                log.warning("%s", error)


@contextmanager
def _named(logger: Logger) -> Iterator[None]:
    """NotWritten where the system would not take what a logger writes, however the logger words that."""
    try:
        yield
    except Exception as error:
        cause: BaseException | None = error
        while cause is not None and not isinstance(cause, OSError):
            cause = cause.__cause__ or cause.__context__
        if cause is None:
            raise
        where = Path(logger.log_dir or str(logger.name))
        raise NotWritten(where, cause.strerror or str(cause), "the run ends here") from error


def curves(event: Mapping[str, Any]) -> dict[str, float]:
    """Name -> number: of a step below "step/", of groups below the group's name.

    Example:
        >>> curves({"event": "step", "step": 3, "loss": 0.5, "gradient_norm": {"total": 2.0}})
        {'step/loss': 0.5, 'gradient_norm/total': 2.0}
    """
    return dict(_curves(event))


def _curves(event: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    place = "step/" if event["event"] == "step" else ""
    for name, value in event.items():
        if isinstance(value, float):
            yield place + name, value
        elif name in _GROUPS:
            inside = value.items() if isinstance(value, Mapping) else enumerate(value)
            yield from ((f"{_GROUPS[name]}/{key}", float(number)) for key, number in inside)
