"""The transformers released with DropCov (``gcp_opt``): names in their checkpoints, which timm 0.4.12 wrote."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from covpool.weights.dialect import Arrays, Dialect
from covpool.weights.rename import Rule, rename

_PARALLEL = "module."  # in front of every name of a network that was saved inside DataParallel


def _dense_stem() -> Iterator[tuple[str, str]]:
    """The release counts blocks and transitions together: block 0, transition 1, block 2, ..."""
    for block in range(3):
        dense, ours = f"visual_tokens.tokens.stage.{2 * block}", f"backbone.visual_tokens.stages.dense{block}"
        for layer in range(6):
            yield f"{dense}.denselayer{layer + 1}.conv1.", f"{ours}.layers.{layer}.narrow."
            yield f"{dense}.denselayer{layer + 1}.conv2.", f"{ours}.layers.{layer}.grow."
        transition = f"visual_tokens.tokens.stage.{2 * block + 1}."
        yield transition, f"backbone.visual_tokens.stages.transition{block}."


# Beginning of a name in the file -> beginning of our name; what follows is the same.
PREFIXES: tuple[tuple[str, str], ...] = (
    ("cls_token", "backbone.cls_token"),
    ("pos_embed", "backbone.pos_embed"),
    ("visual_tokens.tokens.stem.0.", "backbone.visual_tokens.stem."),
    *_dense_stem(),
    ("visual_tokens.tokens.transition.", "backbone.visual_tokens.project."),
    ("blocks.", "backbone.blocks."),
    ("norm.", "backbone.norm."),
    ("classifier.representation.wr.", "head.pool.describe.project."),
    ("classifier.visual_fc.", "head.classifier."),
    ("classifier.cls_fc.", "head.summary_classifier."),
)


def _rules(prefixes: Iterable[tuple[str, str]]) -> tuple[Rule, ...]:
    return tuple(Rule(re.escape(old) + "(.*)", new + r"\1") for old, new in prefixes)


RULES = _rules(PREFIXES)
_BACK = _rules((ours, official) for official, ours in PREFIXES)


def _plain(arrays: Arrays, network: str = "") -> Arrays:
    return {name.removeprefix(_PARALLEL): array for name, array in arrays.items()}


def _recognises(arrays: Arrays) -> bool:
    return any(name.removeprefix(_PARALLEL).startswith("visual_tokens.") for name in arrays)


def _options(arrays: Arrays) -> dict[str, Any]:
    bias = _plain(arrays).get("classifier.visual_fc.bias")
    return {} if bias is None else {"num_classes": len(bias)}


def _export(state: Arrays, network: str) -> Arrays:
    return rename(state, _BACK)[0]


DIALECTS = (
    Dialect(
        name="pytorch-vit",
        recognises=_recognises,
        rules=RULES,
        prepare=_plain,
        options=_options,
        export=_export,
    ),
)
