"""The page that a verb's ``--help`` shows."""

from __future__ import annotations

import argparse
import types
from collections.abc import Iterable, Iterator
from textwrap import fill, wrap
from typing import Any, Literal, Protocol, Union, get_args, get_origin

WIDTH = 100
_COLUMN = 30


class Described(Protocol):
    """What the page needs to know of a parser."""

    prog: str
    about: str
    examples: tuple[str, ...]
    needs: tuple[str, ...]
    _action_groups: Any


def help_page(parser: Described) -> str:
    """Paragraph, usage, examples, then every option with its meaning and default."""
    titles = {"positional arguments": "arguments"}
    sections = [
        (titles.get(group.title, group.title), list(_shown(group._group_actions))) for group in parser._action_groups
    ]
    positionals = [action for _, actions in sections for action in actions if not action.option_strings]
    words = " ".join(_positional(a) if a.dest in parser.needs else f"[{_positional(a)}]" for a in positionals)
    parts = [
        fill(parser.about, WIDTH),
        f"usage: {parser.prog} {words + ' ' if words else ''}[options]",
        "\n".join(["examples:" if len(parser.examples) > 1 else "example:", *_indent(parser.examples)]),
    ]
    parts += ["\n".join([f"{title}:", *map(_entry, actions)]) for title, actions in sections if actions]
    return "\n\n".join(parts) + "\n"


def _shown(actions: Iterable[argparse.Action]) -> Iterator[argparse.Action]:
    """Options of the page: without --help and without jsonargparse's switches for whole groups."""
    for action in actions:
        if action.dest != "help" and action.help != argparse.SUPPRESS and action.default != argparse.SUPPRESS:
            yield action


def _indent(lines: Iterable[str]) -> list[str]:
    return [f"  {line}" for line in lines]


def _positional(action: argparse.Action) -> str:
    name = str(action.metavar or action.dest.upper())
    return f"{name}..." if action.nargs == "*" else name


def _entry(action: argparse.Action) -> str:
    head = _head(action)
    text = wrap(" ".join((action.help or "").split()) + _default(action), WIDTH - _COLUMN)
    if len(head) + 4 > _COLUMN:
        lines = [f"  {head}", *(" " * _COLUMN + line for line in text)]
    else:
        lines = [f"  {head}".ljust(_COLUMN) + text[0], *(" " * _COLUMN + line for line in text[1:])]
    return "\n".join(lines)


def _head(action: argparse.Action) -> str:
    if not action.option_strings:
        return _positional(action)
    flags = ", ".join(action.option_strings)
    return flags if action.nargs == 0 else f"{flags} {_value(action)}"


def _value(action: argparse.Action) -> str:
    hint = getattr(action, "_typehint", action.type)
    if action.choices or get_origin(hint) is Literal:
        return "|".join(map(str, action.choices or get_args(hint)))
    if action.metavar and hint is not bool and get_origin(hint) is not tuple:
        return str(action.metavar)
    kinds = [kind for kind in (get_args(hint) if _is_union(hint) else (hint,)) if kind is not type(None)]
    return "|".join(_kind(kind) or action.dest.rpartition(".")[2].upper() for kind in kinds)


def _is_union(hint: Any) -> bool:
    return get_origin(hint) in (Union, types.UnionType)


def _kind(hint: Any) -> str:
    """A type as a word of the page; nothing for text, whose name is that of its option."""
    origin = get_origin(hint) or hint
    if origin is Literal:
        return "|".join(map(str, get_args(hint)))
    return {bool: "true|false", int: "N", float: "X", tuple: "LIST", dict: "MAPPING"}.get(origin, "")


def _default(action: argparse.Action) -> str:
    value = action.default
    if value is None or value is argparse.SUPPRESS or value is False or value in ("", (), {}, []):
        return ""
    return f" (default: {value})"
