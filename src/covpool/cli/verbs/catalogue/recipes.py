"""``covpool recipes``: the table of recipes, one of them as YAML, or what differs between two."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

from jsonargparse import Namespace

from covpool.cli.errors import FINE
from covpool.cli.options import write_result
from covpool.cli.parser import Parser
from covpool.recipes import find_recipe, recipes
from covpool.registry import unknown
from covpool.reporting.tables import Cell, Column, Table


def build() -> Parser:
    """The command line."""
    parser = Parser(
        "recipes",
        "List the training recipes, show one as YAML with the source of its values in comments, or compare two: diff "
        "prints the fields that differ, side by side. The YAML can be edited and given to covpool train.",
        examples=[
            "covpool recipes list",
            "covpool recipes show finetune/modern > mine.yaml",
            "covpool recipes diff gm_sop/resnet18-gm-sop mine.yaml",
        ],
        check=_check,
    )
    parser.add_argument("action", nargs="?", default="list", help="list, show or diff")
    parser.add_argument("name", nargs="?", help="with show: the recipe's name, or a YAML file, which is then checked")
    parser.add_argument("other", nargs="?", help="with diff: the recipe, or the YAML file, to compare with")
    return parser


def _check(options: Namespace) -> list[str]:
    if options.action not in ("list", "show", "diff"):
        return [unknown("action", options.action, ["list", "show", "diff"])]
    if options.action == "list" and options.name:
        return [f"covpool recipes list takes no name; covpool recipes show {options.name} shows one"]
    if options.action == "show" and not options.name:
        return [f"covpool recipes show needs the name of a recipe ({', '.join(recipes)})"]
    if options.action == "show" and options.other:
        both = f"{options.name} {options.other}"
        return [f"covpool recipes show takes one name; covpool recipes diff {both} compares two"]
    if options.action == "diff" and not options.other:
        return [
            "covpool recipes diff needs the names of two recipes, or YAML files; covpool recipes list has the names"
        ]
    return []


def run(options: Namespace) -> int:
    """Print the table, the YAML, or the fields that differ."""
    texts = {
        "list": _table,
        "show": lambda: _show(options.name),
        "diff": lambda: _diff(options.name, options.other),
    }
    write_result(texts[options.action](), None)
    return FINE


def _table() -> str:
    columns = [Column(key, key, numeric=False) for key in ("recipe", "network", "what it is for")]
    rows = []
    for name in recipes:
        recipe, about = recipes.get(name)(), (inspect.getdoc(recipes.get(name)) or "").splitlines()[:1]
        network = recipe.network.backbone
        if "/" not in network:  # a published network brings its own pool
            network = f"{network} + {recipe.network.pool}"
        rows.append([Cell(text, text) for text in (name, network, *about)])
    return Table(columns, rows).to_text()


def _show(name: str) -> str:
    recipe = find_recipe(name)
    about = inspect.getdoc(recipes.get(name)) if name in recipes else None
    comment = "".join(f"# {line}".rstrip() + "\n" for line in (about or "").splitlines())
    return comment + recipe.to_yaml()


def _diff(name: str, other: str) -> str:
    """A line a field that differs; name and source do so always and are left out."""
    mine, theirs = (dict(_leaves(find_recipe(which).to_dict())) for which in (name, other))
    columns = [Column(key, key, numeric=False) for key in ("field", name, other)]
    rows = []
    for field in dict.fromkeys([*mine, *theirs]):
        texts = [_text(values.get(field)) for values in (mine, theirs)]
        if texts[0] != texts[1] and field not in ("name", "source"):
            rows.append([Cell(text, text) for text in (field, *texts)])
    return Table(columns, rows).to_text() if rows else f"{name} and {other} are the same recipe\n"


def _leaves(plain: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in plain.items():
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value


def _text(value: Any) -> str:
    """As YAML would have it on one line; nothing for none and for what is empty."""
    if value is None or value in ({}, []):
        return "-"
    return str(value).lower() if isinstance(value, bool) else str(value)
