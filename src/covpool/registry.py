"""Names for things that are chosen by name, with errors that offer the nearest one."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches
from typing import Any, Generic, TypeVar

T = TypeVar("T")

MOST_LISTED = 60  # names that an error still shows in full
NEAREST_LISTED = 8


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name closest in spelling to ``name``, or None where nothing is close.

    Example:
        >>> nearest("mpn-cov", ["avg", "mpncov"])
        'mpncov'
    """
    matches = get_close_matches(name.lower(), list(known), n=1, cutoff=0.5)
    return matches[0] if matches else None


def unknown(kind: str, name: str, known: Iterable[str]) -> str:
    """The sentence for a name that nobody registered.

    Example:
        >>> unknown("pool", "mpn-cov", ["avg", "mpncov"])
        "unknown pool 'mpn-cov'; did you mean 'mpncov'? (avg, mpncov)"
    """
    names = sorted(known)
    near = nearest(name, names)
    hint = f"did you mean {near!r}?" if near else "choose one of these:"
    return f"unknown {kind} {name!r}; {hint} ({_listing(name, names)})"


def _listing(name: str, names: list[str]) -> str:
    """All names, or of very many the nearest."""
    if len(names) <= MOST_LISTED:
        return ", ".join(names)
    close = get_close_matches(name.lower(), names, n=NEAREST_LISTED, cutoff=0) if name else names[:NEAREST_LISTED]
    return f"{', '.join(close)}, ... {len(names)} in all"


class UnknownName(ValueError):
    """A name that is not in a registry; ``nearest`` is the closest one that is, or None."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        self.kind, self.name = kind, name
        self.known = sorted(known)
        self.nearest = nearest(name, self.known)
        super().__init__(unknown(kind, name, self.known))


class Registry(Generic[T]):
    """An ordered table of names and entries of one kind.

    Example:
        >>> colours = Registry[int]("colour")
        >>> colours.register("red", 1, aliases=["crimson"])
        1
        >>> colours.get("crimson"), colours.names()
        (1, ['red'])
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self._entries: dict[str, T] = {}
        self._aliases: dict[str, str] = {}

    def register(self, name: str, entry: T, *, aliases: Iterable[str] = ()) -> T:
        """Add ``entry``; a name or alias that is taken is a ValueError, so nothing is replaced silently."""
        aliases = tuple(aliases)
        for new in (name, *aliases):
            if new in self:
                raise ValueError(f"{self.kind} {new!r} is registered already; choose another name")
        self._entries[name] = entry
        self._aliases.update(dict.fromkeys(aliases, name))
        return entry

    def resolve(self, name: str) -> str:
        """The canonical name behind ``name``; UnknownName where there is none."""
        canonical = self._aliases.get(name, name)
        if canonical not in self._entries:
            raise UnknownName(self.kind, name, [*self._entries, *self._aliases])
        return canonical

    def get(self, name: str) -> T:
        """The entry registered as ``name`` or under that alias."""
        return self._entries[self.resolve(name)]

    def names(self) -> list[str]:
        """Canonical names in the order of registration."""
        return list(self._entries)

    def aliases(self) -> dict[str, str]:
        """Alias -> canonical name."""
        return dict(self._aliases)

    def __contains__(self, name: object) -> bool:
        return name in self._entries or name in self._aliases

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


def refusals(check: Callable[..., Any], *arguments: Any) -> list[str]:
    """The sentence of the ValueError that ``check(*arguments)`` raises, if it does: for mistakes that are collected.

    Example:
        >>> refusals(int, "1"), refusals(int, "one")
        ([], ["invalid literal for int() with base 10: 'one'"])
    """
    try:
        check(*arguments)
    except ValueError as error:
        return [str(error)]
    return []


def check_options(
    kind: str, name: str, target: Callable[..., Any], options: Mapping[str, Any], *, given: Iterable[str] = ()
) -> list[str]:
    """Mistakes in calling ``target(**options)`` beside the arguments ``given`` by the caller, as sentences.

    Example:
        >>> def isqrt(in_features, steps=5): ...
        >>> check_options("pool", "isqrt", isqrt, {"step": 3}, given=["in_features"])
        ["pool 'isqrt' has no option 'step'; did you mean 'steps'? (steps)"]
    """
    parameters = inspect.signature(target).parameters.values()
    offered = {
        p.name: p.default
        for p in parameters
        if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY) and p.name not in set(given)
    }
    open_ended = any(p.kind is p.VAR_KEYWORD for p in parameters)
    strange = [] if open_ended else [option for option in options if option not in offered]
    missing = [n for n, default in offered.items() if default is inspect.Parameter.empty and n not in options]
    return [
        *(_no_option(kind, name, option, offered) for option in strange),
        *(f"{kind} {name!r} needs the option {option!r}" for option in missing),
    ]


def _no_option(kind: str, name: str, option: str, offered: Iterable[str]) -> str:
    near = nearest(option, offered)
    hint = f"did you mean {near!r}?" if near else "it offers"
    return f"{kind} {name!r} has no option {option!r}; {hint} ({', '.join(offered) or 'none'})"
