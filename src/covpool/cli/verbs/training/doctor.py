"""``covpool doctor``: why a run stopped at a value that is no number."""

from __future__ import annotations

import json
from pathlib import Path

from jsonargparse import Namespace

from covpool.cli.errors import FINE, Usage
from covpool.cli.options import tell, write_result
from covpool.cli.parser import Parser


def build() -> Parser:
    """The command line."""
    parser = Parser(
        "doctor",
        "Say why a run stopped at a loss or a gradient that is no number: the step that went wrong is taken again from "
        "the files in RUN/doctor (its batches, the weights and the generators before it), with an eye on every module. "
        "Names the first module whose output, or gradient, is not finite, and the three likeliest causes. Nothing is "
        "changed, and no code in the files is run.",
        examples=["covpool doctor runs/first", "covpool doctor runs/first --json"],
        needs=["run"],
    )
    parser.add_argument("run", nargs="?", help="the run folder")
    parser.add_argument("--json", action="store_true", help="the diagnosis with all its facts, as JSON")
    return parser


def run(options: Namespace) -> int:
    """Diagnose the step that the run has kept."""
    if not any((Path(options.run) / name).exists() for name in ("recipe.yaml", "doctor")):
        raise Usage([f"covpool doctor needs the folder of a run; there is none at {options.run}"])
    from covpool.training.doctor import second_opinion

    try:
        diagnosis = second_opinion(options.run)
    except FileNotFoundError as error:
        raise Usage([str(error)]) from error
    tell(f"step {diagnosis.step}: the {diagnosis.what} was no number")
    text = json.dumps(diagnosis.to_dict(), indent=1, default=str) if options.json else diagnosis.text
    write_result(f"{text}\n", None)
    return FINE
