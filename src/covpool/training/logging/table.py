"""The loggers by name, and what is needed before a run begins with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec

from lightning_fabric.loggers import Logger, TensorBoardLogger

from covpool.recipes import Recipe
from covpool.registry import unknown
from covpool.training.logging.csv_file import CsvLogger
from covpool.training.logging.services import TrackioLogger, WandbLogger
from covpool.training.logging.writer import Loggers
from covpool.training.run import RunFolder

Opener = Callable[[RunFolder, Recipe, int], Logger]


def _tensorboard(folder: RunFolder, recipe: Recipe, first_step: int) -> Logger:
    """Event files in RUN/tensorboard; what a resumed run writes again is taken out."""
    purge = first_step + 1 if first_step else None
    place = folder.tensorboard
    return TensorBoardLogger(place.parent, name=place.name, version="", default_hp_metric=False, purge_step=purge)


def _csv(folder: RunFolder, recipe: Recipe, first_step: int) -> Logger:
    return CsvLogger(folder.path / "metrics.csv", first_step=first_step)


def _wandb(folder: RunFolder, recipe: Recipe, first_step: int) -> Logger:
    return WandbLogger(folder.path, recipe.name)


def _trackio(folder: RunFolder, recipe: Recipe, first_step: int) -> Logger:
    return TrackioLogger(folder.path, recipe.name)


LOGGERS: dict[str, Opener] = {"tensorboard": _tensorboard, "csv": _csv, "wandb": _wandb, "trackio": _trackio}
PACKAGES = {"wandb": "wandb", "trackio": "trackio"}  # extras of the same name install them


def logger_mistakes(chosen: Sequence[str | Logger]) -> list[str]:
    """Names that no logger has, and packages that are not installed; a sentence each."""
    mistakes = [unknown("logger", name, LOGGERS) for name in chosen if isinstance(name, str) and name not in LOGGERS]
    for name in chosen:
        if isinstance(name, str) and name in PACKAGES and find_spec(PACKAGES[name]) is None:
            mistakes.append(f"logging to {name} needs its package, which is not here; install covpool[{name}]")
    return mistakes


def open_loggers(chosen: Sequence[str | Logger], folder: RunFolder, recipe: Recipe, first_step: int = 0) -> Loggers:
    """The loggers of ``chosen``: names, or Fabric's loggers as they are.

    Args:
        first_step: the step from which a resumed run goes on; what was logged later is written again.
    """
    opened = [LOGGERS[name](folder, recipe, first_step) if isinstance(name, str) else name for name in chosen]
    for logger in opened:
        logger.log_hyperparams(recipe.to_dict())
    return Loggers(opened)
