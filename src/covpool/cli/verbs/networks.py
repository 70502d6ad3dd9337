"""``covpool networks``: the names that a network can be made of."""

from __future__ import annotations

from jsonargparse import Namespace

from covpool.cli.errors import FINE
from covpool.cli.options import write_result
from covpool.cli.parser import Parser
from covpool.registry import UnknownName
from covpool.reporting.numerals import count
from covpool.reporting.tables import Cell, Column, Table


def build() -> Parser:
    """The command line."""
    parser = Parser(
        "networks",
        "List networks. Without a pattern: those that have a name of their own, a backbone with its pool and settings. "
        "With a pattern such as 'resnet*': every name that matches, timm's backbones too. With one name: build that "
        "network and describe it.",
        examples=["covpool networks", "covpool networks '*efficientnet*'", "covpool networks resnet50_isqrt"],
    )
    parser.add_argument("pattern", nargs="?", help="a name, or a shell pattern in quotes")
    return parser


def run(options: Namespace) -> int:
    """Print the table, the names, or one network."""
    if options.pattern is None:
        write_result(_named(), None)
    elif any(sign in options.pattern for sign in "*?["):
        write_result(_matching(options.pattern), None)
    else:
        write_result(_describe(options.pattern), None)
    return FINE


def _named() -> str:
    from covpool.models import named_networks

    columns = [Column(key, key, numeric=False) for key in ("network", "backbone", "pool", "reduced to", "last stride")]
    rows = []
    for name in named_networks:
        row = named_networks.get(name)
        last = "as it is" if row.last_stride is None else str(row.last_stride)
        cells = (name, row.backbone, row.pool, "all channels" if row.reduce_to is None else str(row.reduce_to), last)
        rows.append([Cell(text, text) for text in cells])
    table = Table(columns, rows).to_text()
    return table + "\nAny backbone of timm, or conv4, goes with any pool; covpool networks '*' lists them.\n"


def _matching(pattern: str) -> str:
    from covpool.models import list_networks

    found = list_networks(pattern)
    if not found:
        raise UnknownName("network", pattern, list_networks("*isqrt*"))
    return "\n".join(found) + "\n"


def _describe(name: str) -> str:
    from covpool.models import create_network

    network = create_network(name)
    made = network.architecture
    reduced = "all channels" if made["reduce_to"] is None else f"{made['reduce_to']} channels"
    numbers = {part: sum(p.numel() for p in module.parameters()) for part, module in network.named_children()}
    size = network.pretrained_cfg.get("input_size", ("?", "?", "?"))
    lines = [
        f"{name}",
        f"  backbone    {made['backbone']}, {count(numbers['backbone'])} parameters, {network.num_features} channels",
        f"  pool        {made['pool']} of {reduced}, {count(network.head_hidden_size)} numbers",
        f"  head        {count(numbers['head'])} parameters with {network.num_classes} classes",
        f"  layout      {made['layout']}",
        f"  image size  {size[-1]}",
    ]
    return "\n".join(lines) + "\n"
