"""The building blocks of a section, from which the page, the Markdown and the CSV are all written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from markupsafe import Markup

from covpool.reporting.tables import Cell, Table


@dataclass(frozen=True)
class Found:
    """One result: its name on the page, what stands in it, and the file it was read from.

    Example:
        >>> Found("first", {"top1": 0.9}, "runs/first/result.json").origin("top1_interval", 0)
        'runs/first/result.json#/top1_interval/0'
    """

    name: str
    data: Mapping[str, Any]
    file: str = ""

    def origin(self, *keys: str | int) -> str:
        """Where a number stands: the file, and inside it a JSON pointer (RFC 6901)."""
        return f"{self.file}#{pointer(*keys)}" if self.file else ""

    @property
    def kind(self) -> str:
        """The part of the schema before the slash, such as ``covpool-result``."""
        return str(self.data.get("schema", "")).partition("/")[0]


def pointer(*keys: str | int) -> str:
    """The JSON pointer of nested keys.

    Example:
        >>> pointer("rows", 0, "a/b")
        '/rows/0/a~1b'
    """
    return "".join("/" + str(key).replace("~", "~0").replace("/", "~1") for key in keys)


class Part:
    """What a section is made of; ``part`` is the name of its kind, by which the page lays it out."""

    part: ClassVar[str]


@dataclass(frozen=True)
class Heading(Part):
    """A heading inside a section."""

    text: str
    part: ClassVar[str] = "heading"


@dataclass(frozen=True)
class Note(Part):
    """A sentence or two of explanation."""

    text: str
    part: ClassVar[str] = "note"


@dataclass(frozen=True)
class Listing(Part):
    """A table: sortable on the page, and in the Markdown and the CSV as well.

    ``styles`` gives each row the colour of its line in the charts: "s1" to "s8", or "s0" for a baseline; without one
    a row has no mark.
    """

    table: Table
    styles: Sequence[str] = ()
    part: ClassVar[str] = "listing"

    @property
    def rows(self) -> list[tuple[str, bool, Sequence[Cell]]]:
        """Style, whether it stands out, and cells of each row."""
        styles = [*self.styles, *[""] * len(self.table.rows)]
        return [(style, False, cells) for style, cells in zip(styles, self.table.rows, strict=False)]


@dataclass(frozen=True)
class Legend(Part):
    """Name and style ("s1" ...) of what the charts below show."""

    entries: Sequence[tuple[str, str]]
    part: ClassVar[str] = "legend"


@dataclass(frozen=True)
class Chart(Part):
    """A title and a drawing of ``covpool.reporting.drawing``; neighbours stand side by side on a wide window.

    ``legend`` is name and style of lines that belong to this chart alone.
    """

    title: str
    drawing: Markup
    legend: Sequence[tuple[str, str]] = ()
    part: ClassVar[str] = "chart"


@dataclass(frozen=True)
class Facts(Part):
    """Settings, names and dates as pairs."""

    entries: Sequence[tuple[str, str]]
    part: ClassVar[str] = "facts"


@dataclass(frozen=True)
class Section:
    """What a report shows of all results of one kind."""

    title: str
    parts: Sequence[Part] = field(default_factory=tuple)
    lead: str = ""

    @property
    def tables(self) -> list[Table]:
        """The tables in their order."""
        return [part.table for part in self.parts if isinstance(part, Listing)]

    def to_markdown(self) -> str:
        """Headings, sentences and tables; charts are for the page."""
        blocks = [f"## {escape_markdown(self.title)}", escape_markdown(self.lead), *map(_markdown, self.parts)]
        return "\n\n".join(block.rstrip("\n") for block in blocks if block) + "\n"

    def to_csv(self) -> str:
        """The tables, an empty line between them."""
        return "\n".join(table.to_csv() for table in self.tables)


def _markdown(part: Part) -> str:
    match part:
        case Heading(text):
            return f"### {escape_markdown(text)}"
        case Note(text):
            return escape_markdown(text)
        case Listing(table):
            return table.to_markdown()
        case Facts(entries):
            return "\n".join(f"- {escape_markdown(name)}: {escape_markdown(value)}" for name, value in entries)
    return ""


_SPELLED = {"<": "&lt;", ">": "&gt;", "&": "&amp;", "\n": " ", **{sign: f"\\{sign}" for sign in "\\|*_`[]"}}


def escape_markdown(text: str) -> str:
    """Text in which nothing is markup: pipes would end a cell, angle brackets would be HTML."""
    return "".join(_SPELLED.get(sign, sign) for sign in text)


def colour(number: int) -> str:
    """The style of the n-th line or row, from 0.

    Example:
        >>> colour(0), colour(8)
        ('s1', 's1')
    """
    return f"s{1 + number % 8}"


def cell(text: str, found: Found, *keys: str | int, detail: str = "") -> Cell:
    """A cell that shows ``text`` for the value at ``keys`` of a result and remembers where that stands."""
    value: Any = found.data
    for key in keys:
        value = value[key] if value is not None else None
    return Cell(text, value, detail, origin=found.origin(*keys))
