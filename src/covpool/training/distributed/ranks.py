"""The processes of one training and what they tell each other; of one process everything here is free."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, TypeVar, cast

import torch
import torch.distributed as dist
from torch import Tensor

from covpool.training.distributed.rows import GatherRows

T = TypeVar("T")

PATIENCE = timedelta(seconds=60)
"""How long a process waits for the others in the middle of the work before it takes one of them for lost."""
AT_THE_START = timedelta(minutes=30)
"""How long it waits before the work begins: pictures may be fetched, and large folders listed."""


class Ranks:
    """Process ``rank`` of ``size``, from 0; the first one writes.

    Numbers and objects go over a group of their own through the processors (gloo), so that no accelerator is waited
    for. Every method but the properties has to be called by all processes alike.
    """

    def __init__(self, rank: int = 0, size: int = 1) -> None:
        self.rank, self.size = rank, size
        self._group: dist.ProcessGroup | None = None
        self._patient_group: dist.ProcessGroup | None = None
        if size > 1:
            self._group = cast(dist.ProcessGroup, dist.new_group(backend="gloo", timeout=PATIENCE))
            self._patient_group = cast(dist.ProcessGroup, dist.new_group(backend="gloo", timeout=AT_THE_START))

    @property
    def is_first(self) -> bool:
        """Whether this process writes the files of the run."""
        return self.rank == 0

    @property
    def are_several(self) -> bool:
        """Whether there are others."""
        return self.size > 1

    @property
    def group(self) -> dist.ProcessGroup | None:
        """torch's group of the processes, through the processors and as patient as disks need it; None of one."""
        return self._patient_group

    def each(self, *numbers: float) -> list[list[float]]:
        """The numbers of every process, in their order."""
        own = torch.tensor(numbers, dtype=torch.float64)
        if not self.are_several:
            return [own.tolist()]
        found = [torch.empty_like(own) for _ in range(self.size)]
        dist.all_gather(found, own, group=self._group)
        return [numbers.tolist() for numbers in found]

    def total(self, numbers: Tensor) -> Tensor:
        """The sum over the processes, on the device and of the type of ``numbers``."""
        if not self.are_several:
            return numbers
        summed = numbers.detach().cpu().clone()
        dist.all_reduce(summed, group=self._group)
        return summed.to(numbers.device)

    def most(self, number: float) -> float:
        """The largest number of any process."""
        return max(numbers[0] for numbers in self.each(number))

    def align(self, images: int, place: int) -> int:
        """Images of all processes in the step at work; RuntimeError where they do not stand at the same ``place``."""
        if not self.are_several:
            return images
        told = self.each(images, place)
        places, empty = {int(place) for _, place in told}, [rank for rank, (count, _) in enumerate(told) if not count]
        if len(places) > 1 or 0 < len(empty) < self.size:
            raise RuntimeError(
                f"the {self.size} processes do not stand at the same batch (they stand at {sorted(places)}, without "
                f"pictures: {empty}): all pictures of a batch of one of them are broken. Take them out of the data"
            )
        return int(sum(count for count, _ in told))

    def share(self, thing: T, owner: int = 0) -> T:
        """What the process ``owner`` has, the first one by default."""
        if not self.are_several:
            return thing
        held = [thing if self.rank == owner else None]
        dist.broadcast_object_list(held, src=owner, group=self._group)
        return held[0]  # type: ignore[return-value]

    def gather(self, thing: T) -> list[T]:
        """What all processes have, at the first; an empty list elsewhere."""
        if not self.are_several:
            return [thing]
        found: list[Any] | None = [None] * self.size if self.is_first else None
        dist.gather_object(thing, found, dst=0, group=self._group)
        return found or []

    def wait(self) -> None:
        """Until all are here, patiently."""
        if self.are_several:
            dist.barrier(group=self._patient_group)

    def rows(self, own: Tensor) -> Tensor:
        """The rows (B, ...) of all processes, one below the other; gradients go back to where a row came from."""
        if not self.are_several:
            return own
        counts = [int(count) for (count,) in self.each(len(own))]
        return GatherRows.apply(own, counts, self.rank)
