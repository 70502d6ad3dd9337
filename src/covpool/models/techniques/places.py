"""Which places of a backbone a technique changes: those that are asked for, or all that it has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from covpool.models.techniques.body import Body
from covpool.registry import unknown


def chosen_places(
    body: Body,
    option: str,
    asked: str | Iterable[str] | None,
    found: Mapping[str, Mapping[str, Any]],
    words: Mapping[str, str],
    *,
    without_any: str,
) -> list[str]:
    """Names of the places to change.

    Args:
        option: of the technique, for the sentence of an error.
        asked: names, in a list or as ``a+b``; None: all that the backbone has.
        found: name of every place that there can be -> the modules of the backbone there.
        words: what the modules of each place are.
        without_any: advice for a backbone that has none of them.

    Raises:
        NothingToChange: a place that the backbone has not.
        ValueError: an unknown name.
    """
    there = [name for name in found if found[name]]
    wanted = _names(asked, found) or there
    absent = [name for name in wanted if not found[name]]
    if absent or not wanted:
        looked_for = " or ".join(words[name] for name in absent or found)
        raise body.refuse(looked_for, f"It has {option}={'+'.join(there)}" if there else without_any)
    return wanted


def _names(asked: str | Iterable[str] | None, known: Iterable[str]) -> list[str]:
    if asked is None:
        return []
    names = [name.strip() for name in asked.split("+")] if isinstance(asked, str) else list(asked)
    strange = [name for name in names if name not in known]
    if strange or not names:
        raise ValueError(unknown("place", strange[0] if strange else "", known))
    return names
