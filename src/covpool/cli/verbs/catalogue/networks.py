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
        "With a pattern such as 'resnet*': every name that matches, timm's backbones too; 'threeg/*' or '*/*' are the "
        "published networks, with what their authors say of them. With one name: build that network and describe it.",
        examples=["covpool networks", "covpool networks 'gm_sop/*'", "covpool networks threeg/resnet50"],
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
    return (
        f"{table}\nThe published networks: covpool networks '*/*'. Any backbone of timm, or conv4, goes with any pool; "
        "covpool networks '*' lists them.\n"
    )


def _matching(pattern: str) -> str:
    from covpool.models import list_networks

    found = list_networks(pattern)
    if not found:
        raise UnknownName("network", pattern, list_networks("*isqrt*"))
    others = [name for name in found if "/" not in name]
    published = [name for name in found if "/" in name]
    return (_published(published) if published else "") + "".join(f"{name}\n" for name in others)


_CARD = ("network", "parameters", "GFLOPs", "pixels", "top-1 error %", "files")


def _published(names: list[str]) -> str:
    """The cards; errors are what the authors published, each on the set its network is for."""
    from covpool.models import published_networks

    columns = [Column(key, key, numeric=key not in ("network", "files")) for key in _CARD]
    rows = []
    for name in names:
        card = published_networks.get(name)
        flops = "" if card.flops is None else f"{card.flops / 1e9:.2f}"
        error = "" if card.top1_error is None else f"{card.top1_error:g}"
        files = ", ".join(file.name for file in card.files)
        cells = (name, count(card.parameters), flops, str(card.input_size), error, files)
        rows.append([Cell(text, text) for text in cells])
    return Table(columns, rows).to_text() + "\n"


def _card(name: str) -> list[str]:
    """What is known of a published network beside what can be counted."""
    from covpool.models import published_networks

    if name not in published_networks:
        return []
    card = published_networks.get(name)
    errors = [f"top-{k} {e:g} %" for k, e in ((1, card.top1_error), (5, card.top5_error)) if e is not None]
    images = ", ".join(f"{key} {value}" for key, value in card.preprocessing.items())
    files = [f"{file.name} ({file.dialect}{', md5 ' + file.md5 if file.md5 else ''})" for file in card.files]
    lines = {
        "source": card.source,
        "published": "error " + ", ".join(errors) if errors else "no error is published",
        "images": images,
        "files": "; ".join(files) or "none are released as far as we know",
        "notes": card.notes,
    }
    return [f"  {key:<11} {text}" for key, text in lines.items() if text]


def _describe(name: str) -> str:
    from covpool.models import create_network, published_networks

    if "/" in name:
        published_networks.get(name)  # else the nearest backbone would be offered
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
        *_card(name),
    ]
    return "\n".join(lines) + "\n"
