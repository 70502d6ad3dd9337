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
