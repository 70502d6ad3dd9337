"""Rename the arrays of a file to the names of a network, and account for every one of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from torch import Tensor

from covpool.registry import nearest

Array = TypeVar("Array")


@dataclass(frozen=True)
class Rule:
    """Names that match ``pattern`` as a whole are renamed to ``template``.

    Args:
        pattern: a regular expression; the first rule whose pattern matches the whole name counts.
        template: the new name, with ``\\1`` or ``\\g<name>`` for groups; or a function of the match. None: the
            array is dropped, on purpose.
        transform: what is done to the array on its way, a transposition for one; None: nothing.

    Example:
        >>> Rule(r"_bn0\\.(.+)", r"bn1.\\1").rename("_bn0.weight")
        'bn1.weight'
    """

    pattern: str
    template: str | Callable[[re.Match[str]], str] | None
    transform: Callable[[Tensor], Tensor] | None = None

    def matches(self, name: str) -> bool:
        """Whether this rule is about ``name``."""
        return re.fullmatch(self.pattern, name) is not None

    def rename(self, name: str) -> str | None:
        """The new name, or None where the rule drops the array."""
        match = re.fullmatch(self.pattern, name)
        if match is None or self.template is None:
            return None
        return self.template(match) if callable(self.template) else match.expand(self.template)


KEEP = Rule("(.+)", r"\1")  # every name as it is


@dataclass
class Ledger:
    """What became of every array of a file and of every name of a network.

    Args:
        matched: name in the file -> name in the network.
        dropped: names in the file that a rule drops.
        unmatched: names in the file that have no rule, or no counterpart in the network.
        unfilled: names in the network that nothing in the file fills.
        misshapen: name in the network -> (shape in the network, shape in the file).
        dialect: how the file was read, where it is one of a published network.
        options: arguments of ``create_network`` that the file decided, such as its number of classes.
    """

    matched: dict[str, str] = field(default_factory=dict)
    dropped: list[str] = field(default_factory=list)
    unmatched: list[str] = field(default_factory=list)
    unfilled: list[str] = field(default_factory=list)
    misshapen: dict[str, tuple[tuple[int, ...], tuple[int, ...]]] = field(default_factory=dict)
    dialect: str | None = None
    options: dict[str, Any] = field(default_factory=dict)

    def compare(self, renamed: Mapping[str, Any], wanted: Mapping[str, Sequence[int]]) -> None:
        """Complete the account with the names and shapes of a network, and move misfits out of ``matched``."""
        for name, target in list(self.matched.items()):
            if target not in wanted:
                self.unmatched.append(name)
                del self.matched[name]
            elif tuple(renamed[target].shape) != tuple(wanted[target]):
                self.misshapen[target] = (tuple(wanted[target]), tuple(renamed[target].shape))
        self.unfilled.extend(name for name in wanted if name not in renamed)

    @property
    def complete(self) -> bool:
        """Whether nothing is left over on either side."""
        return not (self.unmatched or self.unfilled or self.misshapen)

    def __str__(self) -> str:
        return (
            f"{len(self.matched)} loaded, {len(self.dropped)} dropped by rule, "
            f"{len(self.unmatched)} unmatched, {len(self.unfilled)} unfilled"
        )


class WeightsMismatch(ValueError):
    """Arrays that do not fit a network; ``ledger`` has them all, ``nearest`` the closest free name of each."""

    def __init__(self, ledger: Ledger, source: str = "the weights") -> None:
        self.ledger = ledger
        self.nearest = {name: nearest(name, ledger.unfilled) for name in ledger.unmatched[:_SHOWN]}
        super().__init__(f"{source} do not fit the network: " + "; ".join(self._sentences()))

    def _sentences(self) -> Iterable[str]:
        ledger = self.ledger
        if ledger.unmatched:
            names = [f"{n} (nearest: {self.nearest[n]})" if self.nearest.get(n) else n for n in ledger.unmatched]
            yield f"{len(names)} without a place in the network: {_shortened(names)}"
        if ledger.unfilled:
            yield f"{len(ledger.unfilled)} of the network without weights: {_shortened(ledger.unfilled)}"
        if ledger.misshapen:
            shapes = [f"{name} needs {need}, got {got}" for name, (need, got) in ledger.misshapen.items()]
            yield f"{len(shapes)} of another shape: {_shortened(shapes)}"


_SHOWN = 5


def rename(arrays: Mapping[str, Array], rules: Sequence[Rule]) -> tuple[dict[str, Array], Ledger]:
    """Apply the first matching rule to each name; names without a rule are in ``ledger.unmatched``.

    Raises:
        ValueError: two arrays get the same new name.

    Example:
        >>> rules = [Rule("_fc(.+)", r"classifier\\1"), Rule("step", None)]
        >>> renamed, ledger = rename({"_fc.weight": 1, "step": 2}, rules)
        >>> renamed, ledger.dropped
        ({'classifier.weight': 1}, ['step'])
    """
    renamed: dict[str, Array] = {}
    ledger = Ledger()
    for name, array in arrays.items():
        rule = next((rule for rule in rules if rule.matches(name)), None)
        if rule is None:
            ledger.unmatched.append(name)
            continue
        target = rule.rename(name)
        if target is None:
            ledger.dropped.append(name)
            continue
        if target in renamed:
            first = next(source for source, to in ledger.matched.items() if to == target)
            raise ValueError(f"{first!r} and {name!r} are both renamed to {target!r}; make the rules tell them apart")
        renamed[target] = array if rule.transform is None else rule.transform(array)  # type: ignore[arg-type, assignment]
        ledger.matched[name] = target
    return renamed, ledger


def _shortened(items: Sequence[str]) -> str:
    more = f" and {len(items) - _SHOWN} more" if len(items) > _SHOWN else ""
    return ", ".join(items[:_SHOWN]) + more
