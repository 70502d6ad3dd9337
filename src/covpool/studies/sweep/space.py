"""The search space: which fields of a recipe vary, and over what."""

from __future__ import annotations

import re
import types
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, is_dataclass
from math import floor
from typing import Any, Union, get_args, get_origin, get_type_hints

import yaml

from covpool.recipes import Choice, Recipe, RecipeError
from covpool.recipes.schema.reading import read_yaml

_RANGE = re.compile(r"(?P<low>.+?)\.\.(?P<high>[^:]+)(?P<how>(?::[^:]+)*)")
_COMMA = re.compile(r",(?![^(\[]*[)\]])")  # not one inside brackets


class SweepError(ValueError):
    """A sweep that cannot be begun; ``mistakes`` holds every reason, a sentence each."""

    def __init__(self, mistakes: Iterable[str]) -> None:
        self.mistakes = list(mistakes)
        super().__init__("; ".join(self.mistakes))


@dataclass(frozen=True)
class Values:
    """One of some values, named by their spelling in a recipe."""

    field: str
    options: Mapping[str, Any]

    def suggest(self, trial: Any) -> Any:
        """One of the values; a single one is no question."""
        labels = list(self.options)
        return self.options[labels[0] if len(labels) == 1 else trial.suggest_categorical(self.field, labels)]

    def of(self, parameter: Any) -> Any:
        """The value for what Optuna stored."""
        return self.options[parameter]

    def corners(self) -> list[Any]:
        """Every value."""
        return list(self.options.values())

    @property
    def countable(self) -> bool:
        """Whether a grid can hold it."""
        return True

    def grid(self) -> list[Any]:
        """What Optuna stores for every value."""
        return list(self.options)

    def __str__(self) -> str:
        return f"{self.field}={','.join(self.options)}"


@dataclass(frozen=True)
class Range:
    """Numbers from low to high, evenly or by their logarithm, whole or not, perhaps in steps."""

    field: str
    low: float
    high: float
    log: bool = False
    step: float | None = None
    whole: bool = False

    def suggest(self, trial: Any) -> Any:
        """A number of the range."""
        if self.whole:
            return trial.suggest_int(self.field, self.low, self.high, log=self.log, step=self.step or 1)
        return trial.suggest_float(self.field, self.low, self.high, log=self.log, step=self.step)

    def of(self, parameter: Any) -> Any:
        """The value for what Optuna stored."""
        return parameter

    def corners(self) -> list[Any]:
        """Both ends."""
        return [self.low, self.high]

    @property
    def countable(self) -> bool:
        """Whether a grid can hold it."""
        return self.step is not None or (self.whole and not self.log)

    def grid(self) -> list[Any]:
        """Every number of the range."""
        step = self.step or 1
        numbers = [self.low + k * step for k in range(floor((self.high - self.low) / step + 1e-9) + 1)]
        return [int(number) for number in numbers] if self.whole else numbers

    def __str__(self) -> str:
        how = (":log" if self.log else "") + (f":step={self.step:g}" if self.step else "")
        return f"{self.field}={self.low:g}..{self.high:g}{how}"


Dimension = Values | Range


def read_space(given: Iterable[str] | Mapping[str, Any]) -> list[Dimension]:
    """The dimensions of ``field=low..high``, ``field=low..high:log``, ``field=a,b,c``, or of a mapping from YAML.

    In a mapping a list holds the values, and a text is read as on the command line. A field with one value is set
    to it. A field is that of a recipe (``optimizer.lr``) or an option of a choice in it (``loss.smoothing``).

    Raises:
        SweepError: fields that no recipe has, twice the same field, ranges that are none; all of them.

    Example:
        >>> [str(d) for d in read_space(["optimizer.lr=1e-4..1e-2:log", "network.pool=isqrt(steps=3),avg"])]
        ['optimizer.lr=0.0001..0.01:log', 'network.pool=isqrt(steps=3),avg']
    """
    mistakes: list[str] = []
    found: list[Dimension] = []
    for each in given.items() if isinstance(given, Mapping) else given:
        try:
            field, said = _pair(each) if isinstance(each, str) else each
            found.append(_dimension(str(field), said))
        except ValueError as error:
            mistakes.append(str(error))
    fields = [dimension.field for dimension in found]
    mistakes += [f"{field} is given twice; keep one" for field in dict.fromkeys(fields) if fields.count(field) > 1]
    inside = [(a, b) for a in fields for b in fields if b.startswith(f"{a}.")]
    mistakes += [f"{b} is an option of {a}, which varies too; write out the choices, {a}=name(...)" for a, b in inside]
    if mistakes:
        raise SweepError(mistakes)
    return found


def _pair(word: str) -> tuple[str, Any]:
    field, equals, said = word.partition("=")
    if not equals or not said:
        raise ValueError(f"a search is written as optimizer.lr=1e-4..1e-2:log or network.pool=avg,isqrt; got {word!r}")
    return field.strip(), said.strip()


def _dimension(field: str, said: Any) -> Dimension:
    kinds = kinds_of(field)
    if isinstance(said, list):
        return _values(field, [_spelled(value) for value in said], kinds)
    text = _spelled(said)
    match = _RANGE.fullmatch(text)
    if match is None or not (kinds & {int, float} or not kinds):
        return _values(field, [part.strip() for part in _COMMA.split(text)], kinds)
    return _range(field, text, match, kinds)


def _spelled(value: Any) -> str:
    if isinstance(value, str):
        return value.strip()
    return yaml.safe_dump(value, default_flow_style=True, width=10**6).removesuffix("...\n").strip()


def _values(field: str, labels: Sequence[str], kinds: set[Any]) -> Values:
    if not all(labels):
        raise ValueError(f"{field} needs values between its commas; got {','.join(labels)!r}")
    if len(set(labels)) < len(labels):
        raise ValueError(f"{field} has a value twice: {', '.join(labels)}")
    return Values(field, {label: _value(label, kinds) for label in labels})


def _value(label: str, kinds: set[Any]) -> Any:
    """A value as YAML and the command line of train read it."""
    if label.lower() == "none":
        return None
    if Choice in kinds or kinds == {str}:
        return label
    try:
        return read_yaml(label)
    except RecipeError:
        return label


def _range(field: str, text: str, match: re.Match[str], kinds: set[Any]) -> Range:
    needed = f"{field} needs a range such as 1e-4..1e-2, 1e-4..1e-2:log or 16..64:step=16; got {text!r}"
    try:
        low, high = float(match["low"]), float(match["high"])
        how = [word for word in match["how"].split(":") if word]
        steps = [float(word.removeprefix("step=")) for word in how if word != "log"]
    except ValueError:
        raise ValueError(needed) from None
    log, step = "log" in how, steps[0] if steps else None
    whole = float not in kinds and all(v is None or v.is_integer() for v in (low, high, step))
    if not low < high or (log and low <= 0) or len(steps) > 1 or (step is not None and (step <= 0 or log)):
        raise ValueError(f"{needed}; low is below high, and above 0 with log, which has no step")
    if whole:
        return Range(field, int(low), int(high), log, None if step is None else int(step), True)
    if int in kinds and float not in kinds:
        raise ValueError(f"{field} is a whole number; got {text!r}")
    return Range(field, low, high, log, step)


def kinds_of(field: str) -> set[Any]:
    """The types that a field of a recipe, or an option of a choice in it, may have; an option may be anything.

    Raises:
        ValueError: no recipe has such a field.

    Example:
        >>> kinds_of("optimizer.lr"), kinds_of("loss.smoothing")
        ({<class 'float'>}, set())
    """
    kind: Any = Recipe
    path = field.split(".")
    for depth, name in enumerate(path):
        hints = get_type_hints(kind)
        if name not in hints:
            place = ".".join(path[:depth]) or "a recipe"
            raise ValueError(f"{place} has no field {name!r}; it has {', '.join(hints)}")
        kind = hints[name]
        if is_dataclass(kind):
            continue
        members = set(get_args(kind)) if get_origin(kind) in (Union, types.UnionType) else {kind}
        rest = path[depth + 1 :]
        if not rest:
            return members - {type(None)}
        if len(rest) == 1 and (Choice in members or dict in {get_origin(member) for member in members}):
            return set()
        break
    raise ValueError(f"{field!r} is no single field of a recipe; name one, such as optimizer.lr")


def applied(recipe: Recipe, values: Mapping[str, Any]) -> Recipe:
    """``recipe`` with these fields.

    Raises:
        RecipeError: a value that its field cannot take.

    Example:
        >>> applied(Recipe(), {"loss.smoothing": 0.1, "optimizer.lr": 0.5}).loss
        Choice('cross-entropy', smoothing=0.1)
    """
    return Recipe.from_dict(merged(recipe, values))


def merged(recipe: Recipe, values: Mapping[str, Any]) -> dict[str, Any]:
    """The plain data of ``recipe`` with these fields."""
    data = recipe.to_dict()
    for field, value in values.items():
        _put(data, field.split("."), value)
    return data


def _put(place: dict[str, Any], path: Sequence[str], value: Any) -> None:
    name, *rest = path
    if not rest:
        place[name] = value
    elif isinstance(place.get(name), dict):
        _put(place[name], rest, value)
    else:
        if place.get(name) is None:
            raise RecipeError([f"{'.'.join(path)} needs a choice in {name}, which is none; set {name} first"])
        choice = Choice.parse(place[name])
        place[name] = str(Choice(choice.name, **{**choice.options, rest[0]: value}))
