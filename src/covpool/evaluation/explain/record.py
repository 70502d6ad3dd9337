"""An explanation as plain data, for a page, a picture or a JSON file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor

from covpool.evaluation.explain.explanation import Explanation

SCHEMA = "covpool-explanation/1"
_RUNNERS_UP = 5


def record(found: Explanation, classes: Sequence[str]) -> dict[str, Any]:
    """The numbers of one explanation; maps are lists of rows, ``classes`` names the outputs."""
    share = found.logits.softmax(0)
    best = share.argsort(descending=True)[:_RUNNERS_UP].tolist()
    parts = found.found
    return {
        "class": classes[found.target],
        "score": parts.score,
        "probability": share[found.target].item(),
        "best": [{"class": classes[k], "probability": share[k].item(), "score": found.logits[k].item()} for k in best],
        "constant": parts.constant,
        "total": parts.total,
        "error": parts.error,
        "rule": parts.rule,
        "degree": parts.degree,
        "nodes": parts.nodes,
        "centered": found.is_centered,
        "held_norms": found.holds_norms,
        "map": _rows(parts.positions, found.grid),
        "pairs": [
            {
                "first": pair.first,
                "second": pair.second,
                "candidate": pair.candidate,
                "amount": pair.amount,
                "entry": pair.entry,
                "map": _rows(pair.positions, found.grid),
            }
            for pair in found.pairs
        ],
    }


def _rows(values: Tensor, grid: tuple[int, int]) -> list[list[float]]:
    return values.reshape(grid).tolist()
