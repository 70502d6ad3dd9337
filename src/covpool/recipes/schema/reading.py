"""Plain data <-> recipe dataclasses, by their type hints; mistakes are collected, not raised one by one."""

import re
import types
from collections.abc import Iterable, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import yaml

from covpool.recipes.schema.choice import Choice
from covpool.registry import nearest

T = TypeVar("T")


class RecipeError(ValueError):
    """A recipe that cannot be used; ``mistakes`` holds every mistake as a sentence."""

    def __init__(self, mistakes: Iterable[str], name: str = "") -> None:
        self.mistakes = list(mistakes)
        self.name = name
        what = f"the recipe {name!r}" if name else "the recipe"
        if len(self.mistakes) == 1:
            super().__init__(f"{what} has a mistake: {self.mistakes[0]}")
        else:
            lines = "".join(f"\n  - {mistake}" for mistake in self.mistakes)
            super().__init__(f"{what} has {len(self.mistakes)} mistakes:{lines}")


class _Mismatch(ValueError):
    """A value that a field cannot take; the text says what the field needs."""


def read_fields(kind: type[T], data: Any, path: str = "") -> tuple[T, list[str]]:
    """``kind`` built from the fields of ``data`` that are right, and a sentence for each that is not."""
    if not isinstance(data, Mapping):
        return kind(), [f"{path or 'a recipe'} needs a mapping of fields; got {data!r}"]
    hints = get_type_hints(kind)
    names = [f.name for f in fields(kind)]  # type: ignore[arg-type]
    values: dict[str, Any] = {}
    mistakes = [_unknown_field(path, str(name), names) for name in data if name not in names]
    for name in (name for name in names if name in data):
        where = f"{path}.{name}" if path else name
        if is_dataclass(hints[name]):
            values[name], inner = read_fields(hints[name], data[name], where)
            mistakes += inner
            continue
        try:
            values[name] = _convert(data[name], hints[name])
        except ValueError as error:
            mistakes.append(f"{where} {error}")
    return kind(**values), mistakes


def _unknown_field(path: str, name: str, names: list[str]) -> str:
    near = nearest(name, names)
    hint = f"did you mean {near!r}?" if near else "it has"
    return f"{path or 'a recipe'} has no field {name!r}; {hint} ({', '.join(names)})"


def _convert(value: Any, hint: Any) -> Any:
    """``value`` as ``hint`` wants it, or a ValueError that says what was needed and what came."""
    try:
        return _fit(value, hint)
    except _Mismatch:
        raise ValueError(f"needs {_describe(hint)}; got {value!r}") from None


def _fit(value: Any, hint: Any) -> Any:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in (Union, types.UnionType):
        return _fit_any(value, arguments)
    if origin is Literal:
        return _require(value in arguments, value)
    if origin is tuple:
        return _fit_tuple(value, arguments)
    if origin is dict:
        return dict(_require(isinstance(value, Mapping), value))
    if hint is Choice:
        return _parse_choice(value)
    if hint is float:
        return float(_require(isinstance(value, int | float) and not isinstance(value, bool), value))
    if hint is int:
        return _require(isinstance(value, int) and not isinstance(value, bool), value)
    return _require(isinstance(value, hint), value)


def _parse_choice(value: Any) -> Choice:
    try:
        return Choice.parse(value)
    except ValueError as error:
        raise ValueError(f"needs a choice: {error}") from error


def _require(holds: bool, value: Any) -> Any:
    if not holds:
        raise _Mismatch
    return value


def _fit_any(value: Any, arguments: tuple[Any, ...]) -> Any:
    if value is None and type(None) in arguments:
        return None
    for argument in arguments:
        try:
            return _fit(value, argument)
        except _Mismatch:
            continue
    raise _Mismatch


def _fit_tuple(value: Any, arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    _require(isinstance(value, list | tuple), value)
    if arguments[-1] is Ellipsis:
        return tuple(_fit(item, arguments[0]) for item in value)
    _require(len(value) == len(arguments), value)
    return tuple(_fit(item, argument) for item, argument in zip(value, arguments, strict=True))


_WORDS: dict[Any, str] = {
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    str: "text",
    type(None): "none",
}


def _describe(hint: Any) -> str:
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Choice:
        return "a choice"
    if origin in (Union, types.UnionType):
        return " or ".join(_describe(argument) for argument in arguments)
    if origin is Literal:
        return " or ".join(repr(argument) for argument in arguments)
    if origin is tuple:
        count = "a list" if arguments[-1] is Ellipsis else f"a list of {len(arguments)}"
        return f"{count}, each {_describe(arguments[0])}"
    return _WORDS.get(hint, "a mapping" if origin is dict else str(hint))


_MOST_VALUES = 100_000


class _Loader(yaml.SafeLoader):
    """YAML 1.1 takes 1e-4 for text; here it is a number, as in YAML 1.2 and as everybody means it."""


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)[eE][-+]?[0-9]+$"),
    list("-+.0123456789"),
)


def read_yaml(text: str) -> Any:
    """Plain data from YAML text; RecipeError where it is no YAML, or aliases make it endless or huge."""
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        _weigh(node, {})
        return None if node is None else loader.construct_document(node)
    except (yaml.YAMLError, RecursionError) as error:
        raise RecipeError([f"the text is no YAML: {' '.join(str(error).split())}"]) from error


def _weigh(node: yaml.Node | None, known: dict[int, int]) -> int:
    """How many values a part of a text is, once its aliases are written out."""
    if node is None or isinstance(node, yaml.ScalarNode):
        return 1
    if id(node) not in known:
        known[id(node)] = _MOST_VALUES + 1  # as long as it is weighed: it holds itself
        parts = [part for pair in node.value for part in (pair if isinstance(pair, tuple) else (pair,))]
        known[id(node)] = 1 + sum(_weigh(part, known) for part in parts)
    if known[id(node)] > _MOST_VALUES:
        raise yaml.YAMLError(f"its aliases make more than {_MOST_VALUES:,} values of it, or it holds itself")
    return known[id(node)]


def write_yaml(data: Mapping[str, Any]) -> str:
    """YAML text of plain data, fields in their order."""
    return yaml.safe_dump(dict(data), sort_keys=False, allow_unicode=True, width=100)
