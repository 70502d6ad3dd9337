"""``covpool report``: results and runs as one page, or as tables."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from jsonargparse import Namespace

from covpool.cli.errors import FINE, Usage
from covpool.cli.options import add_output, output_mistakes, tell, write_result
from covpool.cli.parser import Parser

_DEFAULT = "report.html"


def build() -> Parser:
    """The command line."""
    parser = Parser(
        "report",
        "Turn the results of comparisons, runs, evaluations and other verbs into one HTML page that needs no other "
        "file and no network, or into Markdown or CSV tables. Numbers lead to the files they were read from.",
        examples=[
            "covpool report runs/demo",
            "covpool report runs/first runs/second --data photos --output both.html",
            "covpool report runs/demo/results.json --format csv --output table.csv",
        ],
        needs=["results"],
        check=_check,
    )
    parser.add_argument("results", nargs="*", help="JSON files of results, run folders, or folders of such")
    parser.add_argument(
        "--format", choices=["html", "md", "csv"], default=None, help="default: by the ending of --output, else html"
    )
    parser.add_argument(
        "--data",
        type=str | None,
        metavar="PATH",
        help="the judged images (a folder, a .tar, shards, a known set); confused ones are shown as thumbnails, and no "
        "file outside of it is read",
    )
    add_output(parser, "the report")
    return parser


def _check(options: Namespace) -> list[str]:
    """Fill in what follows from other options; Markdown and CSV go to stdout unless a file is named."""
    ending = str(options.output or _DEFAULT).rpartition(".")[2].lower()
    options.format = options.format or {"md": "md", "csv": "csv"}.get(ending, "html")
    if options.output is None and options.format == "html":
        options.output = _DEFAULT
    return output_mistakes(options)


def run(options: Namespace) -> int:
    """Write the report."""
    from covpool.reporting import report

    data = _pictures(options.data) if options.data is not None and options.format == "html" else None
    text = report(options.results, options.output, format=options.format, data=data)
    if options.output is None:
        write_result(text, None)
    else:
        tell(f"wrote {options.output}")
    return FINE


def _pictures(place: str) -> Callable[[str], Any]:
    """Key -> a picture of what ``--data`` names: a file below the folder, else one inside its archives.

    A result may come from anywhere. A key is followed in the folder, and not out of it, even by a link; for anything
    else it is looked up among the keys of the images that are there.
    """
    from covpool.reporting.pictures import inside

    folder = Path(place) if Path(place).is_dir() else None
    packed = _packed(place, must_open=folder is None)

    def read(key: str) -> Any:
        if folder is not None and "\0" not in key and len(key) < 4096 and os.path.lexists(folder / key):
            path = inside(key, folder)
            return None if path is None else path.read_bytes()
        return packed(key)

    return read


def _packed(place: str, *, must_open: bool) -> Callable[[str], Any]:
    """Key -> what is stored under it in a .tar, shards or a known set, which are opened when first asked for."""
    from covpool.data import BadSource, CorruptImage, open_images

    @cache
    def sets() -> list[Any]:
        try:
            source = open_images(place)
        except BadSource as error:
            if must_open:
                raise Usage([f"--data needs the judged images: {error}"]) from error
            return []
        return [images for images in (source.val, source.test, source.train) if images is not None]

    @cache
    def positions(number: int) -> dict[str, int]:
        return {key: position for position, key in enumerate(sets()[number].keys)}

    def read(key: str) -> Any:
        found = ((images, positions(number).get(key)) for number, images in enumerate(sets()))
        images, position = next((pair for pair in found if pair[1] is not None), (None, None))
        try:
            return None if images is None else images.content(position)
        except CorruptImage:
            return None

    if must_open:
        sets()
    return read
