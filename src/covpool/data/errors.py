"""What can be wrong with pictures on disk, as errors that a caller may catch."""

from __future__ import annotations

from collections.abc import Iterable


class CorruptImage(ValueError):
    """A picture that cannot be read; ``key`` names it, ``reason`` says why, ``place`` is the folder or archive."""

    def __init__(self, key: str, reason: str, place: str = "") -> None:
        self.key, self.reason, self.place = key, reason, place
        where = f" in {place!r}" if place else ""
        remedy = "repair or remove it, or leave such pictures out (--on-bad-image skip)"
        super().__init__(f"broken picture {key!r}{where}: {reason}; {remedy}")

    def __reduce__(self) -> tuple:
        return type(self), (self.key, self.reason, self.place)


class BadSource(ValueError):
    """A source of pictures that cannot be used; ``mistakes`` holds every finding as a sentence."""

    def __init__(self, source: str, mistakes: Iterable[str]) -> None:
        self.source, self.mistakes = source, list(mistakes)
        if len(self.mistakes) == 1:
            text = self.mistakes[0]
        else:
            text = f"{len(self.mistakes)} mistakes in {source!r}:\n" + "\n".join(f"- {m}" for m in self.mistakes)
        super().__init__(text)

    def __reduce__(self) -> tuple:
        return type(self), (self.source, self.mistakes)


class WorkerLost(RuntimeError):
    """A process that reads pictures was ended from outside, most often by a system short of memory."""

    def __init__(self, told: str, remedy: str) -> None:
        self.told = told
        super().__init__(f"a process that reads pictures was ended by the system ({told}). {remedy}")

    @classmethod
    def behind(cls, error: BaseException, advice: str = "") -> WorkerLost | None:
        """What PyTorch's loader, or its handler of signals, says in a RuntimeError; None where it says other things."""
        told = str(error).splitlines()[0] if str(error).startswith("DataLoader worker") else ""
        remedy = f"Take fewer loader.workers or a smaller loader.batch_size{advice}"
        return cls(told.rstrip(". "), remedy) if told else None


class ShardLost(RuntimeError):
    """A shard that was there when the set was opened, and cannot be fetched again while it is read."""

    def __init__(self, shard: str, told: str) -> None:
        self.shard, self.told = shard, told
        super().__init__(f"the reading stopped: {told}; go on with the run (--resume) when the shard can be had")

    def __reduce__(self) -> tuple:
        return type(self), (self.shard, self.told)
