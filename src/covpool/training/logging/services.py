"""Weights & Biases and trackio, where they are installed, as Fabric's loggers."""

from __future__ import annotations

import os
from argparse import Namespace
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import uuid4

from lightning_fabric.loggers import Logger
from torch import Tensor

from covpool.training.run import whole_file

PROJECT = "covpool"


class _Service(Logger):
    """A run of a service that keeps curves; it has the same identity when the run folder is resumed."""

    package = ""

    def __init__(self, folder: Path, title: str) -> None:
        self._folder, self._title = folder, title or folder.name
        self._module = import_module(self.package)
        self._id = self._identity()
        self._run: Any = None

    @property
    def name(self) -> str:
        """The project."""
        return PROJECT

    @property
    def version(self) -> str:
        """What tells this run from others."""
        return self._id

    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """Begin the service's run, which knows the recipe."""
        self._run = self._begin(params if isinstance(params, dict) else vars(params))

    def log_metrics(self, metrics: dict[str, float], step: int | None = None) -> None:
        """Hand the numbers over."""
        self._run.log(metrics, step=step)

    def _begin(self, recipe: dict[str, Any]) -> Any:
        raise NotImplementedError

    def _identity(self) -> str:
        path = self._folder / f"{self.package}-run"
        if not path.exists():
            with whole_file(path) as file:
                file.write(uuid4().hex[:12].encode())
        return path.read_text(encoding="utf-8").strip()


class WandbLogger(_Service):
    """Weights & Biases: without a key to the service, or with WANDB_MODE=offline, into files of the run folder.

    ``wandb sync RUN/wandb/offline-run-*`` sends such files later.
    """

    package = "wandb"

    def _begin(self, recipe: dict[str, Any]) -> Any:
        mode = os.environ.get("WANDB_MODE") or (None if self._module.api.api_key else "offline")
        return self._module.init(
            project=os.environ.get("WANDB_PROJECT", PROJECT),
            name=self._title,
            id=self._id,
            config=recipe,
            dir=str(self._folder),
            resume="allow",
            mode=mode,
        )

    def log_histogram(self, name: str, values: Tensor, step: int) -> None:
        """A histogram."""
        self._run.log({name: self._module.Histogram(values.cpu().numpy())}, step=step)

    def finalize(self, status: str) -> None:
        """End the service's run."""
        if self._run is not None:
            self._run.finish(exit_code=0 if status == "success" else 1)


class TrackioLogger(_Service):
    """trackio: a local database (TRACKIO_DIR), shown by ``trackio show``; nothing leaves the machine."""

    package = "trackio"

    def _begin(self, recipe: dict[str, Any]) -> Any:
        return self._module.init(
            project=PROJECT,
            name=f"{self._title}-{self._id}",
            config=recipe,
            resume="allow",
            embed=False,
            auto_log_gpu=False,
            auto_log_cpu=False,
        )

    def finalize(self, status: str) -> None:
        """End the service's run."""
        if self._run is not None:
            self._module.finish()
