"""Which pictures stand behind the worst cells of a confusion matrix."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from covpool.evaluation.predict import Predictions

CELLS, EACH = 40, 6


def worst_mistakes(
    predictions: Predictions, keys: Sequence[str], classes: Sequence[str], *, cells: int = CELLS, each: int = EACH
) -> list[dict[str, Any]]:
    """The most confident mistakes of the most frequent confusions, at most ``each`` of ``cells``, in that order.

    ``keys`` are the names of the pictures, row by row. A picture whose logits are not finite is in none.

    Returns:
        ``{"key", "label", "predicted", "confidence"}`` each: names, and the probability of the wrong class.
    """
    sure, said = predictions.probabilities.max(dim=1)
    wrong = (~predictions.correct & sure.isfinite()).nonzero().flatten().tolist()
    labels, answers = predictions.labels.tolist(), said.tolist()
    often = Counter((labels[row], answers[row]) for row in wrong)
    order = sorted(often, key=lambda cell: (-often[cell], cell))[:cells]
    found: dict[tuple[int, int], list[int]] = {cell: [] for cell in order}
    for row in sorted(wrong, key=lambda row: -sure[row].item()):
        rows = found.get((labels[row], answers[row]))
        if rows is not None and len(rows) < each:
            rows.append(row)
    return [
        {"key": keys[row], "label": classes[i], "predicted": classes[j], "confidence": sure[row].item()}
        for (i, j), rows in found.items()
        for row in rows
    ]
