"""The words of a command line, taken apart: options with their values, and the rest, in any order."""

from __future__ import annotations

import argparse
import json
import re
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Union, get_args, get_origin

from covpool.recipes import Choice, split_choices
from covpool.registry import nearest

_NUMBER = re.compile(r"-\.?\d")


@dataclass(frozen=True)
class Given:
    """One option as it was given; ``value`` is None for a switch."""

    action: argparse.Action
    flag: str
    value: str | None

    def __str__(self) -> str:
        return self.flag if self.value is None else f"{self.flag}={self.value}"


@dataclass
class Line:
    """A command line taken apart, with a sentence for every word that does not belong."""

    options: list[Given] = field(default_factory=list)
    positionals: list[str] = field(default_factory=list)
    mistakes: list[str] = field(default_factory=list)


def take_apart(words: Sequence[str], flags: Mapping[str, argparse.Action], prog: str) -> Line:
    """Sort ``words`` into options and positionals by the options that ``flags`` knows."""
    line, rest = Line(), list(words)
    while rest:
        word = rest.pop(0)
        if word == "--":
            line.positionals += rest
            break
        if not _is_flag(word):
            line.positionals.append(word)
            continue
        flag, equals, value = word.partition("=")
        if flag not in flags:
            line.mistakes.append(_unknown(flag, flags, prog))
            if not equals and rest and not _is_flag(rest[0]):
                rest.pop(0)  # most likely its value: not to be taken for a positional
            continue
        _take(line, flags[flag], flag, value if equals else None, rest)
    return line


def _take(line: Line, action: argparse.Action, flag: str, value: str | None, rest: list[str]) -> None:
    takes_value = action.nargs != 0
    is_truth = _hint(action) is bool
    if takes_value and value is None and rest and not _is_flag(rest[0]):
        value = rest.pop(0) if not is_truth or rest[0].lower() in ("true", "false") else None
    if takes_value and value is None and is_truth:
        value = "true"
    if takes_value and value is None:
        line.mistakes.append(f"{flag} needs {wanted(action)}; got nothing")
    elif not takes_value and value is not None:
        line.mistakes.append(f"{flag} is a switch and takes no value; got {value!r}")
    else:
        line.options.append(Given(action, flag, _spell_choices(action, _spell_none(action, value))))


def wanted(action: argparse.Action) -> str:
    """What an option needs, in words.

    Example:
        >>> wanted(argparse.ArgumentParser().add_argument("--mode", choices=["a", "b"]))
        'one of a, b'
    """
    if action.choices:
        return f"one of {', '.join(map(str, action.choices))}"
    return _describe(_hint(action))


_WORDS: dict[Any, str] = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "a value",
    type(None): "none",
}


def _describe(hint: Any) -> str:
    inner = get_args(hint)
    if get_origin(hint) in (Union, types.UnionType):
        return " or ".join(_describe(part) for part in inner)
    if get_origin(hint) is Literal:
        return f"one of {', '.join(map(str, inner))}" if len(inner) > 1 else str(inner[0])
    if get_origin(hint) is tuple:
        count = "a list" if inner[-1] is Ellipsis else f"a list of {len(inner)}"
        return f"{count}, each {_describe(inner[0])}, such as [1, 2, 3]"
    return _WORDS.get(hint, "a mapping" if get_origin(hint) is dict else "a value")


def _hint(action: argparse.Action) -> Any:
    return getattr(action, "_typehint", action.type)


def _spell_none(action: argparse.Action, value: str | None) -> str | None:
    if value is not None and value.lower() == "none" and type(None) in get_args(_hint(action)):
        return "null"  # the YAML word that jsonargparse reads
    return value


def _spell_choices(action: argparse.Action, value: str | None) -> str | None:
    """A list of choices, ``se,anti-alias(kernel=3)`` with or without brackets around, as YAML takes it."""
    if value is None or get_args(_hint(action)) != (Choice, ...):
        return value
    bare = value.strip()
    bare = bare[1:-1] if bare.startswith("[") and bare.endswith("]") else bare
    try:
        return json.dumps([] if bare.lower() == "none" else [str(choice) for choice in split_choices(bare)])
    except ValueError:
        return value  # the parser says what is wrong


def _is_flag(word: str) -> bool:
    return len(word) > 1 and word.startswith("-") and not _NUMBER.match(word)


def _unknown(flag: str, flags: Mapping[str, argparse.Action], prog: str) -> str:
    known = [name for name in flags if name.startswith("--")]
    inner = [name for name in known if name.startswith(f"{flag}.")]
    if inner:
        return f"{flag} is a group of options; give one of them ({', '.join(inner)})"
    fields = {name.rpartition(".")[2].lstrip("-"): name for name in reversed(known)}
    meant = fields.get(flag.lstrip("-")) or nearest(flag, known)
    hint = f"did you mean {meant!r}?" if meant else f"see {prog} --help"
    return f"{prog} has no option {flag!r}; {hint}"
