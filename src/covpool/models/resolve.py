"""What ``create_network`` was asked for: one row, out of a table and the arguments that overrule it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from covpool.models.backbone import check_backbone
from covpool.models.heads import SUMMARIES
from covpool.models.named import Named, named_networks
from covpool.models.published import published_networks
from covpool.models.techniques import ChoiceLike, technique_mistakes
from covpool.pooling import pools
from covpool.registry import check_options, unknown

_MERGED = ("pool_options", "backbone_options")


def resolve(backbone: str, pool: str | ChoiceLike | None, given: Mapping[str, Any]) -> Named:
    """The row that is meant: of a table, or made of the arguments, with what was ``given`` in place of its own.

    Raises:
        ValueError: a whole network is named together with another pool than its own.
    """
    name = pool.name if pool is not None and not isinstance(pool, str) else pool
    name = pools.resolve(name) if name is not None and name in pools else name
    row = _row(backbone, name)
    chosen = {} if pool is None or isinstance(pool, str) else dict(pool.options)
    width = chosen.pop("reduce_to", given["reduce_to"])
    values = {key: value for key, value in given.items() if value is not None and key not in (*_MERGED, "reduce_to")}
    return replace(
        row,
        reduce_to=row.reduce_to if width == "auto" else width,
        pool_options={**row.pool_options, **chosen, **(given["pool_options"] or {})},
        backbone_options={**row.backbone_options, **(given["backbone_options"] or {})},
        **values,
    )


def _row(backbone: str, pool: str | None) -> Named:
    whole = _whole(backbone)
    if whole is None:
        return Named(backbone=backbone, pool=pool or "isqrt", reduce_to="auto")
    if pool not in (None, "isqrt", whole.pool):  # "isqrt" is what recipes name where nobody chose
        raise ValueError(
            f"{backbone!r} is a whole network with the pool {whole.pool!r}; for {pool!r} name its backbone: "
            f"create_network({whole.backbone!r}, {pool!r})"
        )
    return whole


def _whole(name: str) -> Named | None:
    if name in named_networks:
        return named_networks.get(name)
    return published_networks.get(name).network if name in published_networks else None


def check_row(row: Named, *, pretrained: bool = False) -> None:
    """All mistakes that can be told before anything is built, in one error."""
    mistakes: list[ValueError] = []
    try:
        preset = pools.get(row.pool)
    except ValueError as error:
        mistakes.append(error)
    else:
        given = ("in_features", "reduce_to")
        mistakes += map(ValueError, check_options("pool", row.pool, preset.build, row.pool_options, given=given))
    try:
        check_backbone(row.backbone)
    except ValueError as error:
        mistakes.append(error)
    mistakes += map(ValueError, _wrong_values(row))
    mistakes += map(ValueError, technique_mistakes(row.techniques, pretrained=pretrained))
    if len(mistakes) == 1:
        raise mistakes[0]
    if mistakes:
        raise ValueError("; ".join(map(str, mistakes)))


def _wrong_values(row: Named) -> list[str]:
    found = []
    if row.num_classes < 0:
        found.append(f"num_classes must be 0 (the pooled vector) or more; got {row.num_classes}")
    if row.last_stride not in (None, 1):
        found.append(f"last_stride is 1 or None (as the backbone has it); got {row.last_stride!r}")
    if row.reduce_to not in ("auto", None) and not (isinstance(row.reduce_to, int) and row.reduce_to > 0):
        found.append(f"reduce_to is a number of channels, None or 'auto'; got {row.reduce_to!r}")
    if not all(isinstance(width, int) and width > 0 for width in row.hidden):
        found.append(f"hidden needs lengths of 1 or more; got {list(row.hidden)}")
    if row.embedding is not None and row.embedding < 1:
        found.append(f"embedding is a length of 1 or more, or None; got {row.embedding}")
    if row.summary not in (None, *SUMMARIES):
        found.append(unknown("summary", str(row.summary), SUMMARIES))
    return found
