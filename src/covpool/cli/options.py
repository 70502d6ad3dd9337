"""Options that several verbs share, and what is checked and written in the same way by all."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from jsonargparse import Namespace

from covpool.cli.parser import Parser
from covpool.foreign_text import shown
from covpool.recipes import Choice, Recipe, split_choices

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
DATA_HELP = (
    "the images: a folder of class folders (or of train/ and val/ with class folders), a .tar of one, "
    "or a known set such as mnist5k, digits, cifar10"
)


def add_data(parser: Parser, *, val: bool = True) -> None:
    """``--data``, ``--val``, ``--download``, ``--on-bad-image``."""
    parser.add_argument("--data", type=str | None, metavar="PATH", help=DATA_HELP)
    if val:
        parser.add_argument(
            "--val",
            type=str | None,
            metavar="PATH",
            help="a second folder or .tar with the validation images; without it those in --data, or a part of them",
        )
    parser.add_argument("--download", action="store_true", help="fetch a known set or weights that are not here yet")


def commanded_images(options: Namespace, recipe: Recipe | None) -> Any:
    """The pictures of a recipe where the command line itself names a command (``pipe:...``) for them.

    None elsewhere: ``train`` opens what recipes name, and runs no command of theirs.
    """
    from covpool.data import open_images
    from covpool.data.sources.shards.patterns import is_command

    places = [] if recipe is None else [place for place in (recipe.data, recipe.val) if place is not None]
    commands = {place for place in places if is_command(place)}
    if recipe is None or not commands or commands - {options.data, options.val}:
        return None
    return open_images(str(recipe.data), val=recipe.val)


def add_bad_image(parser: Parser) -> None:
    """``--on-bad-image``."""
    parser.add_argument(
        "--on-bad-image",
        choices=["stop", "skip"],
        default="stop",
        help="at an image that cannot be read: stop and name it, or skip and count it",
    )


def add_machine(parser: Parser, *, batch_size: int | None) -> None:
    """``--batch-size``, ``--workers``, ``--device``."""
    if batch_size is not None:
        parser.add_argument("--batch-size", type=int, default=batch_size, help="images at a time")
        parser.add_argument("--workers", type=int, default=0, help="processes that read images")
    parser.add_argument("--device", type=str, default="auto", help="cpu, cuda, mps, ...; auto takes an accelerator")


def add_output(parser: Parser, what: str, *, default: str | None = None) -> None:
    """``--output`` and ``--force``."""
    parser.add_argument("--output", type=str | None, default=default, metavar="FILE", help=f"write {what} to this file")
    parser.add_argument("--force", action="store_true", help="let --output replace a file")


def add_quiet(parser: Parser) -> None:
    """``--quiet``."""
    parser.add_argument("--quiet", "-q", action="store_true", help="no progress")


def output_mistakes(options: Namespace, *names: str) -> list[str]:
    """Why ``--output``, or the options ``names`` instead, cannot be written, if so."""
    found = []
    for name in names or ("output",):
        path = Path(options[name] or "")
        flag = f"--{name.replace('_', '-')} {path}"
        if options[name] is None:
            continue
        if path.exists() and not path.is_dir() and not options.force:
            found.append(f"{flag} exists; add --force to replace it, or name another file")
        found += _unfit(flag, path)
    return found


def table_mistakes(flag: str, file: str | None) -> list[str]:
    """Why no row can be added to a table, new or old, if so."""
    return [] if file is None else _unfit(f"{flag} {file}", Path(file))


def _unfit(what: str, path: Path) -> list[str]:
    if path.is_dir():
        return [f"{what} is a folder; name a file in it"]
    reason = "" if path.exists() else _closed(path.parent)
    return [f"{what} cannot be written: {reason}"] if reason else []


def _closed(folder: Path) -> str:
    """Why nothing can be written to a folder, which need not be there yet; no words where it can."""
    there = next(place for place in (folder, *folder.parents, Path()) if os.path.exists(place))
    if not there.is_dir():
        return f"{there} is a file; name another folder"
    return "" if os.access(there, os.W_OK | os.X_OK) else f"{there} is closed to you; name another folder"


def folder_mistakes(flag: str, folder: str | None, *, force: bool = False) -> list[str]:
    """Why a new folder cannot be made there, if so."""
    path = Path(folder or "")
    if folder is None:
        return []
    if not path.exists():
        reason = _closed(path)
        return [f"{flag} {folder} cannot be made: {reason}"] if reason else []
    if not path.is_dir():
        return [f"{flag} {folder} is a file; name a folder"]
    if any(path.iterdir()) and not force:
        hint = f", or go on with --resume {folder}" if (path / "recipe.yaml").exists() else ""
        return [f"{flag} {folder} exists and is not empty; name another folder{hint}"]
    return []


def out_mistakes(options: Namespace, runs: str, result: str) -> list[str]:
    """Why ``--out`` cannot be the folder of a study, if so.

    One with the ``runs`` (a pattern) of an interrupted study, without its ``result``, may be named again: it goes on.
    """
    folder = Path(options.out or "")
    interrupted = options.out is not None and any(folder.glob(runs)) and not (folder / result).exists()
    return folder_mistakes("--out", options.out, force=options.force or interrupted)


def write_result(text: str, output: str | None) -> None:
    """To the file where one is named, else to stdout."""
    if output is None:
        sys.stdout.write(shown(text))
        return
    from covpool.evaluation.writing.whole_file import whole_file

    path = Path(output)
    with whole_file(path) as file:
        file.write(text.encode())
    tell(f"wrote {path}")


def tell(line: str) -> None:
    """A line about the work, for people: on stderr, out of the way of results."""
    print(shown(line), file=sys.stderr)


def dated_folder(name: str) -> Path:
    """runs/<name>-<date>-<time>, numbered where that exists already."""
    stem = f"{name.replace('/', '-')}-{datetime.now():%Y%m%d-%H%M%S}"
    path, again = Path("runs") / stem, 2
    while path.exists():
        path, again = Path("runs") / f"{stem}-{again}", again + 1
    return path


def names_in(line: str) -> list[str]:
    """The parts of a comma-separated list.

    Example:
        >>> names_in("resnet18, conv4,")
        ['resnet18', 'conv4']
    """
    return [part.strip() for part in line.split(",") if part.strip()]


def choices_in(flag: str, line: str, mistakes: list[str]) -> list[Choice]:
    """The choices of a comma-separated list; a spelling mistake goes to ``mistakes``."""
    found: list[Choice] = []
    with noting(mistakes):
        found = split_choices(line)
        if not found:
            raise ValueError(f"{flag} needs at least one name; got {line!r}")
    return found


def seconds_in(flag: str, text: str | None) -> float | None:
    """A length of time such as 90s, 30m or 8h, or a plain number of seconds; none for none.

    Example:
        >>> seconds_in("--time-limit", "1.5h")
        5400.0
    """
    if text is None:
        return None
    number, unit = (text[:-1], _UNITS[text[-1]]) if text[-1:] in _UNITS else (text, 1)
    try:
        seconds = float(number) * unit
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise ValueError(f"{flag} needs a length of time such as 90s, 30m or 8h; got {text!r}")
    return seconds


@contextmanager
def noting(mistakes: list[str]) -> Iterator[None]:
    """A ValueError inside the block goes to ``mistakes``: one or several sentences."""
    try:
        yield
    except ValueError as error:
        mistakes += getattr(error, "mistakes", None) or [str(error)]


def at_least(options: Namespace, **limits: int) -> list[str]:
    """A sentence for every option below its limit."""
    return [
        f"--{name.replace('_', '-')} needs at least {limit}; got {options[name]}"
        for name, limit in limits.items()
        if options[name] is not None and options[name] < limit
    ]
