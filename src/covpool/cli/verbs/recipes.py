"""``covpool recipes``: the table of recipes, or one of them as YAML."""

from __future__ import annotations

import inspect

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
        "List the training recipes, or show one as YAML with the source of its values in comments. The YAML can be "
        "edited and given to covpool train.",
        examples=["covpool recipes list", "covpool recipes show finetune/modern > mine.yaml"],
        check=_check,
    )
    parser.add_argument("action", nargs="?", default="list", help="list or show")
    parser.add_argument("name", nargs="?", help="with show: the recipe's name, or a YAML file, which is then checked")
    return parser


def _check(options: Namespace) -> list[str]:
    if options.action not in ("list", "show"):
        return [unknown("action", options.action, ["list", "show"])]
    if options.action == "show" and not options.name:
        return [f"covpool recipes show needs the name of a recipe ({', '.join(recipes)})"]
    if options.action == "list" and options.name:
        return [f"covpool recipes list takes no name; covpool recipes show {options.name} shows one"]
    return []


def run(options: Namespace) -> int:
    """Print the table or the YAML."""
    write_result(_table() if options.action == "list" else _show(options.name), None)
    return FINE


def _table() -> str:
    columns = [Column(key, key, numeric=False) for key in ("recipe", "network", "what it is for")]
    rows = []
    for name in recipes:
        recipe, about = recipes.get(name)(), (inspect.getdoc(recipes.get(name)) or "").splitlines()[:1]
        network = f"{recipe.network.backbone} + {recipe.network.pool}"
        rows.append([Cell(text, text) for text in (name, network, *about)])
    return Table(columns, rows).to_text()


def _show(name: str) -> str:
    recipe = find_recipe(name)
    about = inspect.getdoc(recipes.get(name)) if name in recipes else None
    comment = "".join(f"# {line}".rstrip() + "\n" for line in (about or "").splitlines())
    return comment + recipe.to_yaml()
