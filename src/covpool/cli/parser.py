"""The parser of every verb: jsonargparse's types, options in any order, all mistakes of a line at once."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable
from typing import Any

from jsonargparse import ArgumentParser, Namespace

from covpool.cli.errors import Usage
from covpool.cli.page import help_page
from covpool.cli.words import Given, Line, take_apart, wanted


class Parser(ArgumentParser):
    """A verb's command line.

    Args:
        verb: the verb, for the messages.
        about: the paragraph of its help page.
        examples: command lines for its help page.
        needs: what must be given (names of options or positionals, all declared optional), so that a missing
            one is reported beside the other mistakes.
        check: looks at the options and returns further mistakes.
    """

    def __init__(
        self,
        verb: str = "",
        about: str = "",
        *,
        examples: Iterable[str] = (),
        needs: Iterable[str] = (),
        check: Callable[[Namespace], list[str]] | None = None,
        **options: Any,
    ) -> None:
        super().__init__(prog=f"covpool {verb}".strip(), exit_on_error=False, **options)
        self.about, self.examples = about, tuple(examples)
        self.needs, self._check = tuple(needs), check

    def format_help(self, formatter: argparse.HelpFormatter | None = None) -> str:
        """The page of ``--help`` in our own layout, the same on every Python."""
        return help_page(self)

    def read(self, words: list[str]) -> Namespace:
        """The options of ``words``, with ``given`` naming those that were given.

        Raises:
            Usage: holds every mistake of the line.
        """
        line = take_apart(words, self._flags(), self.prog)
        mistakes = [*line.mistakes, *self._too_many(line)]
        wrong = {id(given): self._mistake(given) for given in line.options}
        mistakes += filter(None, wrong.values())
        named = self._named(line)
        strange = [(action, word) for action, word in named if action.choices and word not in action.choices]
        mistakes += [f"{_spelling(action)} needs {wanted(action)}; got {word!r}" for action, word in strange]
        words = line.positionals[: named.index(strange[0])] if strange else line.positionals
        options = self._parse([g for g in line.options if not wrong[id(g)]], words)
        attempted = {given.action.dest for given in line.options} | {action.dest for action, _ in named}
        mistakes += self._missing(options, attempted)
        mistakes += self._check(options) if self._check else []
        if mistakes:
            raise Usage(mistakes)
        return options

    def _parse(self, options: Iterable[Given], positionals: Iterable[str]) -> Namespace:
        options = list(options)
        known = [action for action in self._actions if not action.option_strings]
        kept = list(positionals)[: None if any(a.nargs == "*" for a in known) else len(known)]
        read = self.parse_args([*map(str, options), *(["--", *kept] if kept else [])])
        read["given"] = [given.action.dest for given in options]
        return read

    def _mistake(self, given: Given) -> str | None:
        try:
            self.parse_args([str(given)])
        except argparse.ArgumentError as error:
            _, says, reason = str(error).partition("Not of type Choice: ")
            return f"{given.flag} needs {wanted(given.action)}; got {given.value!r}" if not says else reason
        return None

    def _missing(self, options: Namespace, attempted: set[str]) -> list[str]:
        missing = [name for name in self.needs if name not in attempted and not options[name]]
        by_name = {action.dest: action for action in self._actions}
        return [f"{self.prog} needs {_spelling(by_name[name])}; see {self.prog} --help" for name in missing]

    def _too_many(self, line: Line) -> list[str]:
        known = [action for action in self._actions if not action.option_strings]
        extra = line.positionals[len(known) :]
        if not extra or any(action.nargs == "*" for action in known):
            return []
        takes = " ".join(_spelling(action) for action in known) or "only options"
        return [f"{self.prog} takes {takes}; got also {', '.join(map(repr, extra))}"]

    def _named(self, line: Line) -> list[tuple[argparse.Action, str]]:
        """The words without a flag in front, each with what it stands for."""
        known = [action for action in self._actions if not action.option_strings]
        return list(zip(known, line.positionals, strict=False))

    def _flags(self) -> dict[str, argparse.Action]:
        dests = [action.dest for action in self._actions]
        groups = {dest.rpartition(".")[0] for dest in dests}
        return {flag: action for flag, action in self._option_string_actions.items() if action.dest not in groups}


def _spelling(action: argparse.Action) -> str:
    name = str(action.metavar or action.dest.upper())
    return f"{action.option_strings[-1]} {name}" if action.option_strings else name
