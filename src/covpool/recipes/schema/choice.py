"""A part chosen by name, with its options: ``isqrt(steps=5)``."""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+/-]*")
_OPENING, _CLOSING, _QUOTES = "([{", ")]}", "\"'"
_WORDS = {"true": True, "false": False, "none": None, "null": None}


class Choice:
    """The name of a registered part and the options to build it with; immutable data, nothing is looked up.

    Options are numbers, strings, booleans, None, or tuples of them, so that a choice can be hashed, compared
    and written to JSON and YAML as its one-line spelling.

    Example:
        >>> Choice("isqrt", steps=5) == Choice.parse("isqrt(steps=5)")
        True
        >>> str(Choice("crop", scale=(0.5, 1.0)))
        'crop(scale=(0.5, 1.0))'
    """

    __slots__ = ("_name", "_options")
    _name: str
    _options: dict[str, Any]

    def __init__(self, name: str, /, **options: Any) -> None:
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            raise ValueError(f"a choice needs a plain name such as 'isqrt'; got {name!r}")
        object.__setattr__(self, "_name", name)
        object.__setattr__(self, "_options", {option: _plain(name, option, value) for option, value in options.items()})

    @property
    def name(self) -> str:
        """The name of the part."""
        return self._name

    @property
    def options(self) -> dict[str, Any]:
        """A copy of the options, in the order they were given."""
        return dict(self._options)

    @classmethod
    def parse(cls, value: "str | Mapping[str, Any] | Choice") -> "Choice":
        """Read ``"isqrt"``, ``"isqrt(steps=5)"`` or ``{"name": "isqrt", "steps": 5}``.

        Values are Python literals; a bare word stands for itself, ``true``, ``false``, ``none`` for Python's.

        Raises:
            ValueError: the text is no choice; the sentence shows the spelling that is needed.

        Example:
            >>> Choice.parse("gem(p=3.0, learned=true, mode=fast)").options
            {'p': 3.0, 'learned': True, 'mode': 'fast'}
        """
        if isinstance(value, Choice):
            return value
        if isinstance(value, Mapping):
            return cls._from_mapping(value)
        if not isinstance(value, str):
            raise ValueError(f"a choice is written as name or name(option=value); got {value!r}")
        text = value.strip()
        name, bracket, rest = text.partition("(")
        if bracket and not rest.endswith(")"):
            raise ValueError(f"the choice {value!r} lacks its closing bracket; write name(option=value)")
        options = _read_options(text, rest[:-1]) if bracket else {}
        return cls(name.strip(), **options)

    @classmethod
    def _from_mapping(cls, value: Mapping[str, Any]) -> "Choice":
        options = dict(value)
        name = options.pop("name", None)
        if not isinstance(name, str):
            raise ValueError(f"a choice written as a mapping needs a 'name'; got {dict(value)!r}")
        return cls(name, **options)

    def __str__(self) -> str:
        options = ", ".join(f"{option}={value!r}" for option, value in self._options.items())
        return f"{self._name}({options})" if options else self._name

    def __repr__(self) -> str:
        options = "".join(f", {option}={value!r}" for option, value in self._options.items())
        return f"Choice({self._name!r}{options})"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Choice):
            return NotImplemented
        return self._name == other._name and self._options == other._options

    def __hash__(self) -> int:
        return hash((self._name, frozenset(self._options.items())))

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"a Choice is immutable; build a new one with the {name!r} that you want")

    def __delattr__(self, name: str) -> None:
        raise AttributeError("a Choice is immutable")

    def __reduce__(self) -> tuple[Any, ...]:
        return Choice.parse, (str(self),)


def split_choices(text: str | Iterable["str | Choice"]) -> list[Choice]:
    """Choices from a comma-separated line; commas inside brackets or quotes do not separate.

    Example:
        >>> split_choices("avg,isqrt(steps=3, center=true)")
        [Choice('avg'), Choice('isqrt', steps=3, center=True)]
    """
    parts = _split(text) if isinstance(text, str) else text
    return [Choice.parse(part) for part in parts]


def _plain(name: str, option: str, value: Any) -> Any:
    if not option.isidentifier():
        raise ValueError(f"an option of {name!r} needs a name such as steps=5; got {option!r}")
    if isinstance(value, list | tuple):
        return tuple(_plain(name, option, item) for item in value)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ValueError(
        f"the option {option!r} of {name!r} needs a number, a string, a boolean, None or a tuple of them; "
        f"got {type(value).__name__}"
    )


def _read_options(text: str, inside: str) -> dict[str, Any]:
    options: dict[str, Any] = {}
    for part in _split(inside):
        option, equals, value = part.partition("=")
        option = option.strip()
        if not equals or not option.isidentifier():
            raise ValueError(f"the choice {text!r} needs options as option=value; got {part.strip()!r}")
        if option in options:
            raise ValueError(f"the choice {text!r} gives the option {option!r} twice; keep one")
        options[option] = _read_value(value.strip())
    return options


def _read_value(text: str) -> Any:
    if text.lower() in _WORDS:
        return _WORDS[text.lower()]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _split(text: str) -> Iterator[str]:
    """The parts between the commas at depth zero, outside quotes; empty parts are left out."""
    depth, quote, start = 0, "", 0
    for at, letter in enumerate(text):
        if quote:
            quote = "" if letter == quote else quote
        elif letter in _QUOTES:
            quote = letter
        elif letter == "," and depth == 0:
            yield from filter(str.strip, [text[start:at]])
            start = at + 1
        else:
            depth += (letter in _OPENING) - (letter in _CLOSING)
    yield from filter(str.strip, [text[start:]])
