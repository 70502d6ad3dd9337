"""Predictions of several processes -> predictions of the set, every picture once."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from covpool.evaluation.predict import Predictions


def merge_predictions(parts: Sequence[Predictions]) -> Predictions:
    """The rows of all ``parts`` in the order of the set, each picture once.

    A picture that several parts hold, because a sampler padded its ranks to equal length, counts once: its row is the
    one of the first part that holds it. Rows are told apart by ``indices`` alone, so parts may come in any order of
    pictures, overlap, or be empty.

    Raises:
        ValueError: no part; different numbers of classes; one picture with two labels, which no set has.

    Example:
        >>> first = Predictions(torch.eye(2), torch.tensor([0, 1]), torch.tensor([0, 2]))
        >>> second = Predictions(torch.eye(2), torch.tensor([1, 0]), torch.tensor([1, 0]))  # 0 again: padding
        >>> merge_predictions([first, second]).indices
        tensor([0, 1, 2])
    """
    if not parts:
        raise ValueError("merge_predictions() needs at least one part; got none")
    widths = sorted({part.logits.shape[1] for part in parts if len(part)})
    if len(widths) > 1:
        raise ValueError(f"parts of one evaluation have the same classes; got logits of {widths}")
    filled = [part for part in parts if len(part)] or [parts[0]]
    logits, labels, indices = (
        torch.cat([getattr(part, name) for part in filled]) for name in ("logits", "labels", "indices")
    )
    order = indices.argsort(stable=True)
    repeated = torch.zeros(len(order), dtype=torch.bool)
    repeated[1:] = indices[order][1:] == indices[order][:-1]
    changed = repeated[1:] & (labels[order][1:] != labels[order][:-1])
    if changed.any():
        index = int(indices[order][1:][changed][0])
        raise ValueError(f"the picture {index} has different labels in different parts; are they of one set?")
    rows = order[~repeated]
    return Predictions(logits[rows], labels[rows], indices[rows])
