"""``covpool techniques``: what changes a network, and the page of each."""

from __future__ import annotations

import inspect

from jsonargparse import Namespace

from covpool.cli.errors import FINE
from covpool.cli.options import write_result
from covpool.cli.parser import Parser
from covpool.reporting.tables import Cell, Column, Table


def build() -> Parser:
    """The command line."""
    parser = Parser(
        "techniques",
        "List the techniques that change a network: what each does and who published it. Each goes with any backbone "
        "that has what it changes, and says so of one that has not. With a name: its options. In a recipe or for "
        "covpool train: --network.techniques 'resnet-d,se(ratio=8)'.",
        examples=["covpool techniques", "covpool techniques anti-alias"],
    )
    parser.add_argument("name", nargs="?", help="describe this technique only")
    return parser


def run(options: Namespace) -> int:
    """Print the table, or one technique."""
    write_result(_describe(options.name) if options.name else _table(), None)
    return FINE


def _table() -> str:
    from covpool.models.techniques import techniques

    columns = [
        Column("name", "technique", numeric=False),
        Column("summary", "what it does", numeric=False),
        Column("source", "source", numeric=False),
    ]
    rows = []
    for name in techniques:
        row = techniques.get(name)
        rows.append([Cell(text, text) for text in (name, row.summary, row.source)])
    return Table(columns, rows).to_text()


def _describe(name: str) -> str:
    from covpool.models.techniques import techniques

    row = techniques.get(name)
    also = [alias for alias, target in techniques.aliases().items() if target == row.name]
    given = [p for p in inspect.signature(row.change).parameters.values() if p.name != "body"]
    options = [f"  {p.name}  (default: {p.default})" for p in given]
    lines = [
        f"{row.name}: {row.summary}",
        f"source: {row.source}",
        *([f"also called: {', '.join(also)}"] if also else []),
        *(["for training from scratch only"] if row.from_scratch else []),
        *(["options:", *options] if options else ["options: none"]),
        inspect.cleandoc(str(row.change.__doc__)).split("Args:")[0].rstrip(),
        f"page: docs/techniques/{row.name}.md",
    ]
    return "\n".join(lines) + "\n"
