"""The run folder: what lies where, what may be begun and what may be resumed."""

from __future__ import annotations

import logging
import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch.distributed.device_mesh import DeviceMesh

from covpool.recipes import Recipe, RecipeError
from covpool.training.distributed import Ranks
from covpool.training.run.checkpoint import FORMAT, load_checkpoint, save_checkpoint
from covpool.training.run.shards import DamagedCheckpoint, save_shards, set_aside
from covpool.training.run.writing import whole_file

log = logging.getLogger("covpool")

# fields that change no number of the run: a resumed run may have others
FREE_FIELDS = ("name", "source", "data", "val", "loader.workers", "checkpoint_every_steps")


class RunFolder:
    """Paths of a run: recipe.yaml, journal.jsonl, summary.csv, tensorboard/, last.pt, previous.pt,
    best.pt, result.json, doctor/."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.recipe = self.path / "recipe.yaml"
        self.journal = self.path / "journal.jsonl"
        self.summary = self.path / "summary.csv"
        self.tensorboard = self.path / "tensorboard"
        self.last = self.path / "last.pt"
        self.previous = self.path / "previous.pt"
        self.best = self.path / "best.pt"
        self.result = self.path / "result.json"
        self.doctor = self.path / "doctor"

    @property
    def resume_command(self) -> str:
        """The command line that continues the run."""
        return f"covpool train --resume {shlex.quote(str(self.path))}"

    def require_new(self) -> None:
        """FileExistsError where something lies there already; hidden files do not count."""
        if self.path.exists() and (not self.path.is_dir() or any(p.name[0] != "." for p in self.path.iterdir())):
            hint = f"continue it with {self.resume_command!r}, or " if self.recipe.exists() else ""
            raise FileExistsError(f"the run folder {self.path} exists and is not empty; {hint}name another folder")

    def create(self, recipe: Recipe) -> None:
        """Make the folder and write the recipe into it; what a process that was killed left half written goes."""
        self.path.mkdir(parents=True, exist_ok=True)
        for scrap in self.path.glob(".*.partial"):
            shutil.rmtree(scrap) if scrap.is_dir() else scrap.unlink()
        with whole_file(self.recipe) as file:
            file.write(recipe.to_yaml().encode())

    def stored_recipe(self) -> Recipe:
        """The recipe the run was begun with.

        Raises:
            FileNotFoundError: there is no run in the folder.
            ValueError: a pipe or a device lies in the place of one of its files.
        """
        self._need_files()
        if not self.recipe.exists():
            raise FileNotFoundError(f"{self.path} holds no run to resume: {self.recipe.name} is missing")
        return Recipe.from_yaml(self.recipe.read_text(encoding="utf-8"))

    def _need_files(self) -> None:
        """Reading a pipe or a device would never end; a run that came from elsewhere may hold some."""
        files = (self.recipe, self.journal, self.summary, self.last, self.previous, self.best, self.result)
        strange = [file for file in files if file.exists() and not (file.is_file() or file.is_dir())]
        if strange:
            raise ValueError(f"{strange[0]} is a pipe or a device, and no file of a run; remove it")

    def save(self, state: Mapping[str, Any], ranks: Ranks | None = None, mesh: DeviceMesh | None = None) -> None:
        """Write last.pt; what it was before becomes previous.pt.

        With a ``mesh`` all ``ranks`` have to call, and last.pt is a folder with their shards; else the first one alone.
        """
        if mesh is not None:
            save_shards(self.last, {"format": FORMAT, **state}, ranks or Ranks(), keep=self.previous)
            return
        with set_aside(self.last, self.previous):
            save_checkpoint(self.last, state, keep=self.previous)

    def load(self, ranks: Ranks | None = None, mesh: DeviceMesh | None = None) -> dict[str, Any] | None:
        """The state to go on from: last.pt, or where that is damaged or absent the one before it; None without both.

        All ``ranks`` have to call; see ``load_shards`` for ``mesh``.

        Raises:
            DamagedCheckpoint: neither can be read.
        """
        try:
            return load_checkpoint(self.last, ranks, mesh)
        except FileNotFoundError:
            return load_checkpoint(self.previous, ranks, mesh) if self.previous.exists() else None
        except DamagedCheckpoint as error:
            if not self.previous.exists():
                raise
            state = load_checkpoint(self.previous, ranks, mesh)
            log.warning("%s; going on from the checkpoint before it, %s", error, self.previous)
            return state


def recipe_to_resume(stored: Recipe, given: Recipe | None) -> Recipe:
    """The recipe with which a run goes on: ``given`` where it differs from ``stored`` in free fields only.

    Free are the fields that change no number: name, source, the place of the data, the number of workers and how
    often a checkpoint is written. The number of epochs is not free, because the schedule depends on it.

    Raises:
        RecipeError: other fields differ; each is named with both values.
    """
    if given is None:
        return stored
    before, after = _flat(stored.to_dict()), _flat(given.to_dict())
    changed = [
        f"{field} was {before.get(field)!r} in the run and is now {after.get(field)!r}"
        for field in dict.fromkeys([*before, *after])
        if before.get(field) != after.get(field) and field not in FREE_FIELDS
    ]
    if changed:
        changed[-1] += "; a resumed run keeps its own values, start a new run for others"
        raise RecipeError(changed, given.name)
    return given


def _flat(data: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in data.items():
        if isinstance(value, dict) and value:
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat
