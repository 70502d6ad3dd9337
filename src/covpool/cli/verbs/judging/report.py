"""``covpool report``: results and runs as one page, or as tables."""

from __future__ import annotations

from jsonargparse import Namespace

from covpool.cli.errors import FINE
from covpool.cli.options import add_output, output_mistakes, write_result
from covpool.cli.parser import Parser

_DEFAULT = "report.html"


def build() -> Parser:
    """The command line."""
    parser = Parser(
        "report",
        "Turn the results of comparisons, runs and evaluations into one HTML page that needs no other file and no "
        "network, or into Markdown or CSV tables.",
        examples=[
            "covpool report runs/demo",
            "covpool report runs/first runs/second --output both.html",
            "covpool report runs/demo/results.json --format csv --output table.csv",
        ],
        needs=["results"],
        check=_check,
    )
    parser.add_argument("results", nargs="*", help="results.json or result.json files, or folders of runs")
    parser.add_argument(
        "--format", choices=["html", "md", "csv"], default=None, help="default: by the ending of --output, else html"
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

    write_result(report(options.results, format=options.format), options.output)
    return FINE
