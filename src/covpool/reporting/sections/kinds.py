"""Which function shows which kind of result. A new kind is a file in this folder and a line in this table.

A kind is the part before the slash of the ``schema`` of a JSON file: ``{"schema": "covpool-retrieval/1", ...}``.
A section function takes all results of its kind on the page, so that they can stand side by side in one table.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from covpool.reporting.sections import analysis, anything, calibration, own_pages, retrieval, robustness, speed, sweep
from covpool.reporting.sections.parts import Found, Section

SECTIONS: dict[str, Callable[[Sequence[Found]], Section]] = {
    "covpool-analysis": analysis.section,
    "covpool-calibration": calibration.section,
    "covpool-data-check": own_pages.data_checks,
    "covpool-explanation": own_pages.explanations,
    "covpool-retrieval": retrieval.section,
    "covpool-robustness": robustness.section,
    "covpool-speed": speed.section,
    "covpool-sweep": sweep.section,
}


def section_of(kind: str, found: Sequence[Found]) -> Section:
    """The section of the results of one kind; of an unknown kind all its numbers as a table."""
    return SECTIONS.get(kind, anything.section)(found)
