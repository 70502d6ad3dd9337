"""``covpool report``: results and runs as one page, or as tables."""

from __future__ import annotations

from pathlib import Path

from jsonargparse import Namespace

from covpool.cli.errors import FINE
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
        metavar="FOLDER",
        help="the folder of the judged images; confused ones are shown as thumbnails, and no file outside it is read",
    )
    add_output(parser, "the report")
    return parser


def _check(options: Namespace) -> list[str]:
    """Fill in what follows from other options; Markdown and CSV go to stdout unless a file is named."""
    ending = str(options.output or _DEFAULT).rpartition(".")[2].lower()
    options.format = options.format or {"md": "md", "csv": "csv"}.get(ending, "html")
    if options.output is None and options.format == "html":
        options.output = _DEFAULT
    mistakes = output_mistakes(options)
    if options.data is not None and not Path(options.data).is_dir():
        mistakes.append(f"--data needs the folder of the judged images; {options.data} is none")
    return mistakes


def run(options: Namespace) -> int:
    """Write the report."""
    from covpool.reporting import report

    text = report(options.results, options.output, format=options.format, data=options.data)
    if options.output is None:
        write_result(text, None)
    else:
        tell(f"wrote {options.output}")
    return FINE
