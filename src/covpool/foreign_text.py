"""Texts that come from anywhere (names of classes, files, recipes), where something would act on them: a terminal on
control characters, a spreadsheet on formulas."""

from __future__ import annotations

import re
from typing import Any

# C0 but for the end of a line and the tabulator, C1, what turns the direction of writing, halves of signs
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_QUOTE = "'"


def shown(text: str) -> str:
    r"""A text for a terminal: characters that would move the cursor, clear the screen or reorder what is read are
    spelt out. Lines stay lines.

    Example:
        >>> shown("cat\x1b[2J")
        'cat\\x1b[2J'
    """
    return _CONTROLS.sub(lambda found: ascii(found[0])[1:-1], text)


def cell(value: Any) -> Any:
    """A cell of a CSV: a text that a spreadsheet would run as a formula gets a quotation mark in front.

    Source: OWASP, CSV Injection. Numbers stay what they are, None becomes empty, and :func:`text_of` turns it back.

    Example:
        >>> cell("=1+1"), cell("-2.5"), cell("cat"), cell(3)
        ("'=1+1", '-2.5', 'cat', 3)
    """
    if not isinstance(value, str):
        return "" if value is None else value
    text = value.replace("\r", " ").encode("utf-8", "replace").decode()  # the csv module leaves \r bare: an end of line
    return f"{_QUOTE}{text}" if _is_formula(value) else text


def text_of(cell: str) -> str:
    """The text behind a cell that :func:`cell` made.

    Example:
        >>> text_of("'=1+1"), text_of("'twas")
        ('=1+1', "'twas")
    """
    return cell[1:] if cell.startswith(_QUOTE) and _is_formula(cell) else cell


def _is_formula(text: str) -> bool:
    """Whether it is one, or would be without quotation marks in front, so that there is a way back."""
    bare = text.lstrip(_QUOTE)
    return bare.startswith(_FORMULA) and not _is_number(bare)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
