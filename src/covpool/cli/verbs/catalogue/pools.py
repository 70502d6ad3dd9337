"""``covpool pools``: the table of pools, or one of them."""

from __future__ import annotations

import inspect

from jsonargparse import Namespace

from covpool.cli.errors import FINE
from covpool.cli.options import write_result
from covpool.cli.parser import Parser
from covpool.reporting.tables import Cell, Column, Table

_WIDTH = 256


def build() -> Parser:
    """The command line."""
    parser = Parser(
        "pools",
        "List the pools: what each computes, its statistical order (2: covariances, 1: means and the like), and how "
        "many numbers it makes of 256 channels. With a name: what that pool is, who published it, and its options.",
        examples=["covpool pools", "covpool pools isqrt"],
    )
    parser.add_argument("name", nargs="?", help="describe this pool only")
    return parser


def run(options: Namespace) -> int:
    """Print the table, or one pool."""
    from covpool.pooling import pools

    write_result(_describe(options.name) if options.name else _table(list(pools)), None)
    return FINE


def _table(names: list[str]) -> str:
    from covpool.pooling import pools

    columns = [
        Column("name", "pool", numeric=False),
        Column("order", "order"),
        Column("features", f"features of {_WIDTH}"),
        Column("summary", "what it computes", numeric=False),
        Column("source", "source", numeric=False),
    ]
    rows = []
    for name in names:
        preset = pools.get(name)
        row = (name, str(preset.order), _features(name), preset.summary, preset.source)
        rows.append([Cell(text, text) for text in row])
    return Table(columns, rows).to_text()


def _features(name: str) -> str:
    from covpool.pooling import create_pool

    if any(p.default is p.empty for p in _options(name)):
        return "as asked"
    return f"{create_pool(name, _WIDTH).out_features:,}"


def _options(name: str) -> list[inspect.Parameter]:
    from covpool.pooling import pools

    given = ("in_features", "reduce_to")
    return [p for p in inspect.signature(pools.get(name).build).parameters.values() if p.name not in given]


def _describe(name: str) -> str:
    from covpool.pooling import pools

    canonical = pools.resolve(name)
    preset = pools.get(canonical)
    also = [alias for alias, target in pools.aliases().items() if target == canonical]
    options = [
        f"  {p.name}" + ("  (must be given)" if p.default is p.empty else f"  (default: {p.default})")
        for p in _options(canonical)
    ]
    first = _options(canonical)[:1]
    example = f"{canonical}({first[0].name}={_example(first[0])})" if first else canonical
    lines = [
        f"{canonical}: {preset.summary}",
        f"source: {preset.source}",
        f"order: {preset.order}",
        *([f"also called: {', '.join(also)}"] if also else []),
        f"features of {_WIDTH} channels: {_features(canonical)}",
        *(["options:", *options] if options else ["options: none"]),
        f"example: covpool compare --data PATH --pools avg,'{example}'",
    ]
    return "\n".join(lines) + "\n"


def _example(parameter: inspect.Parameter) -> object:
    return 4096 if parameter.default is parameter.empty else parameter.default
