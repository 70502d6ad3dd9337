"""Results that have a page of their own, explanations and data checks: the gist of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from covpool.reporting.data_check import findings
from covpool.reporting.explanation import sentence, signed
from covpool.reporting.numerals import count, percent
from covpool.reporting.sections.parts import Facts, Found, Heading, Listing, Note, Part, Section, cell
from covpool.reporting.tables import Cell, Column, Table

_EXPLAINED = (
    Column("picture", "picture", numeric=False),
    Column("network", "network", numeric=False),
    Column("class", "class", numeric=False),
    Column("probability", "probability, %"),
    Column("score", "score"),
    Column("constant", "without the map"),
    Column("total", "from its positions"),
    Column("how", "how exact", numeric=False),
)
_CHECKED = (
    Column("split", "split", numeric=False),
    Column("pictures", "pictures"),
    Column("classes", "classes"),
    Column("least", "least of a class"),
    Column("most", "most of a class"),
    Column("broken", "broken"),
    Column("bytes", "MB"),
)
_MARKS = {"bad": "wrong", "odd": "unusual", "fine": "fine"}


def explanations(found: Sequence[Found]) -> Section:
    """A row a picture and network: the class, and what its score is made of."""
    rows = [
        _explained(result, place, number)
        for result in found
        for place, picture in enumerate(result.data["pictures"])
        for number in range(len(picture["views"]))
    ]
    note = "Score = without the map + from its positions. The maps stand on the page of covpool explain."
    return Section("Explanations", [Listing(Table(_EXPLAINED, rows)), Note(note)])


def _explained(result: Found, place: int, number: int) -> list[Cell]:
    picture, at = result.data["pictures"][place], ("pictures", place, "views", number)
    view = picture["views"][number]
    how = sentence(view)
    exact = how[how.rindex("(") + 1 : how.rindex(")")] if "(" in how else "a derivative, no split"
    return [
        Cell(str(picture["image"]), picture["image"]),
        cell(str(view["name"]), result, *at, "name"),
        cell(str(view["class"]), result, *at, "class"),
        cell(percent(view["probability"]), result, *at, "probability"),
        *(cell(signed(view[key]), result, *at, key) for key in ("score", "constant", "total")),
        Cell(exact, exact),
    ]


def data_checks(found: Sequence[Found]) -> Section:
    """What was found in each set of pictures, and its splits."""
    parts: list[Part] = []
    for result in found:
        parts += [Heading(str(result.data["source"]))] if len(found) > 1 else []
        parts.append(Facts([(_MARKS[level], said) for level, said in findings(result.data)]))
        parts.append(Listing(Table(_CHECKED, [list(_split(result, name)) for name in result.data["splits"]])))
    title = f"Check of {found[0].data['source']}" if len(found) == 1 else "Data checks"
    return Section(title, [*parts, Note("The pictures themselves stand on the page of covpool data check.")])


def _split(result: Found, name: str) -> Iterator[Cell]:
    split, at = result.data["splits"][name], ("splits", name)
    counts = [number for number in split["counts"] if number]
    yield Cell(name, name)
    yield cell(count(split["pictures"]), result, *at, "pictures")
    for number in (len(counts), min(counts, default=0), max(counts, default=0)):
        yield Cell(count(number), number, origin=result.origin(*at, "counts"))
    yield Cell(count(len(split["broken"])), len(split["broken"]), origin=result.origin(*at, "broken"))
    yield cell(f"{split['bytes'] / 1e6:,.1f}", result, *at, "bytes")
