"""The dialects of every system, by its stem."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from covpool.weights import gm_sop, threeg
from covpool.weights.dialect import Dialect

SYSTEMS: Mapping[str, Sequence[Dialect]] = {
    "threeg": threeg.DIALECTS,
    "gm_sop": gm_sop.DIALECTS,
}
