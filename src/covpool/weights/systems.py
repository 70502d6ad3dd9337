"""The dialects of every system, by its stem."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from covpool.weights.dialect import Dialect
from covpool.weights.published import assembled, fast_mpncov, gcp_opt, gcp_opt_vit, gm_sop, threeg

SYSTEMS: Mapping[str, Sequence[Dialect]] = {
    "fast_mpncov": fast_mpncov.DIALECTS,
    "gcp_opt": (*gcp_opt.DIALECTS, *gcp_opt_vit.DIALECTS),
    "threeg": threeg.DIALECTS,
    "gm_sop": gm_sop.DIALECTS,
    "assembled": assembled.DIALECTS,
}
