"""How a release writes its weights down: one dialect a layout of files."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from torch import Tensor

from covpool.weights.rename import Rule

Arrays: TypeAlias = Mapping[str, Tensor]


def _as_they_are(arrays: Arrays, network: str) -> Arrays:
    return arrays


def _nothing(arrays: Arrays) -> dict[str, Any]:
    return {}


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """One way in which networks of one system are written down.

    Args:
        name: what ``convert(..., dialect=...)`` calls it, ``pytorch`` or ``tensorflow`` for instance.
        recognises: whether arrays are in this dialect; the first dialect of a system that says yes is taken.
        rules: names in the file -> names of the network; a function of the network's name where networks differ.
        prepare: what no rule can say, since it makes several arrays of one or one of several: arrays and the
            network's name -> arrays.
        options: arguments of ``create_network`` that only the file knows, such as the width and the classes.
        export: the way back: a state dict and the network's name -> arrays in this dialect; None: there is none.
        hint: given the arrays, a sentence for the log about what may be wrong though it fits, or None.
    """

    name: str
    recognises: Callable[[Arrays], bool]
    rules: Sequence[Rule] | Callable[[str], Sequence[Rule]]
    prepare: Callable[[Arrays, str], Arrays] = _as_they_are
    options: Callable[[Arrays], dict[str, Any]] = _nothing
    export: Callable[[Arrays, str], Arrays] | None = None
    hint: Callable[[Arrays], str | None] | None = None

    def rules_for(self, network: str) -> Sequence[Rule]:
        """The rules for one network."""
        return self.rules(network) if callable(self.rules) else self.rules
