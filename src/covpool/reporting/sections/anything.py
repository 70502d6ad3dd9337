"""Results of a kind that has no section of its own: every number of them as a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from covpool.reporting.numerals import count, three_digits
from covpool.reporting.sections.parts import Found, Listing, Note, Section, pointer
from covpool.reporting.tables import Cell, Column, Table

_MOST = 200  # numbers of one result that are listed
_LONG = 12  # lists longer than this are matrices or curves, not numbers to read


def section(found: Sequence[Found]) -> Section:
    """A row a number, a column a result."""
    numbers = [dict(_numbers(result.data)) for result in found]
    keys = list(dict.fromkeys(key for known in numbers for key in known))
    columns = [Column("key", "key", numeric=False), *(Column(result.name, result.name) for result in found)]
    rows = [[Cell(_spelled(key), pointer(*key)), *_row(key, found, numbers)] for key in keys[:_MOST]]
    left = f"{count(len(keys) - _MOST)} more numbers stand in the file." if len(keys) > _MOST else ""
    title = (found[0].kind or "result").removeprefix("covpool-").replace("-", " ").capitalize()
    return Section(title, [Listing(Table(columns, rows)), *([Note(left)] if left else [])])


def _row(key: tuple[str | int, ...], found: Sequence[Found], numbers: Sequence[Mapping[Any, Any]]) -> Iterator[Cell]:
    for result, known in zip(found, numbers, strict=True):
        value = known.get(key)
        yield Cell(_shown(value), value, origin=result.origin(*key)) if key in known else Cell("")


def _numbers(value: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], float]]:
    if isinstance(value, bool) or (at and at[0] in ("about", "stamp", "schema")):
        return
    if isinstance(value, int | float):
        yield at, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _numbers(item, (*at, str(key)))
    elif isinstance(value, list) and len(value) <= _LONG:
        for place, item in enumerate(value):
            yield from _numbers(item, (*at, place))


def _spelled(key: tuple[str | int, ...]) -> str:
    return " \N{MIDDLE DOT} ".join(str(part).replace("_", " ") for part in key)


def _shown(value: float | None) -> str:
    if value is None:
        return ""
    if value != value or abs(value) == float("inf"):
        return str(value)
    return count(value) if isinstance(value, int) else three_digits(value)
