"""Tables as text that spreadsheets and scripts read."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from covpool.foreign_text import cell


def as_csv(lines: Iterable[Iterable[object]]) -> bytes:
    r"""Lines of cells as CSV in UTF-8, with line feeds alone on every system; None is an empty cell, and a text
    that would be a formula is guarded.

    Example:
        >>> as_csv([("class", "recall"), ("cat, wild", None)])
        b'class,recall\n"cat, wild",\n'
    """
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([cell(value) for value in line] for line in lines)
    return text.getvalue().encode()
