"""What is kept of a step that went wrong: its batches, the weights, the optimizer, the generators, in safe formats."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from covpool.training.run import load_checkpoint, save_checkpoint

STATE, BATCH, DIAGNOSIS = "state.pt", "batch.safetensors", "diagnosis.json"


@dataclass(frozen=True, kw_only=True)
class Case:
    """A step as it was about to be taken.

    Attributes:
        state: a checkpoint; running statistics are those after the step's forward pass, which training does not read.
        batches: (pictures, targets) of each of the step's batches as the network got them: augmented and mixed.
        step: number of the step, from 1.
        what, value: what was no number, and what it was.
        losses: of the steps before, as far as they were told.
        lr: learning rate of the step.
        keep_prob: what DropBlock kept in it, or None.
        frozen: whether only the head learned.
    """

    state: dict[str, Any]
    batches: list[tuple[Tensor, Tensor]]
    step: int
    what: str
    value: float
    losses: list[float] = field(default_factory=list)
    lr: float
    keep_prob: float | None = None
    frozen: bool = False

    def write(self, folder: Path) -> None:
        """Write state.pt and batch.safetensors into ``folder``, which is made."""
        folder.mkdir(parents=True, exist_ok=True)
        tensors = {
            f"{what}.{place}": tensor.detach().cpu().contiguous()
            for place, batch in enumerate(self.batches)
            for what, tensor in zip(("images", "targets"), batch, strict=True)
        }
        save_file(tensors, folder / BATCH)
        facts = {name: getattr(self, name) for name in _FACTS}
        save_checkpoint(folder / STATE, {**self.state, "doctor": facts})

    @classmethod
    def read(cls, folder: Path) -> Case:
        """The case in ``folder``; nothing in its files is executed.

        Raises:
            FileNotFoundError: there is none.
            ValueError: a file is damaged or of another kind.
        """
        if not (folder / STATE).exists() or not (folder / BATCH).exists():
            raise FileNotFoundError(f"{folder} holds no step that went wrong: the run, as far as it got, was finite")
        state = load_checkpoint(folder / STATE)
        try:
            tensors = load_file(folder / BATCH)
        except SafetensorError as error:
            raise ValueError(f"{folder / BATCH} cannot be read as safetensors: {error}") from error
        count = len(tensors) // 2
        batches = [(tensors[f"images.{place}"], tensors[f"targets.{place}"]) for place in range(count)]
        return cls(state=state, batches=batches, **state.pop("doctor"))


_FACTS = ("step", "what", "value", "losses", "lr", "keep_prob", "frozen")
