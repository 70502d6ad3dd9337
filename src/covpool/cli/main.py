"""The front door of the command line: the table of verbs, and the way to one of them.

Only the standard library is imported here, so that ``covpool --help`` answers at once.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any, NamedTuple

from covpool._version import __version__
from covpool.cli.errors import FINE, INTERRUPTED, WRONG_USAGE, Usage, guard
from covpool.cli.process import hear_polite_kills, keep_stderr, leave
from covpool.foreign_text import shown
from covpool.network_access import offline
from covpool.registry import nearest


class Verb(NamedTuple):
    """Where a verb lives below ``covpool.cli.verbs`` (``build`` and ``run`` of it) and its line in the table."""

    module: str
    line: str

    def load(self) -> Any:
        """The module; parsing and running need libraries that the overview does without."""
        return import_module(f"covpool.cli.verbs.{self.module}")


VERBS = {
    "compare": Verb("training.compare", "find out whether second-order pooling pays on your images"),
    "train": Verb("training.train", "train a network by a recipe, or continue a run"),
    "doctor": Verb("training.doctor", "say why a run stopped at a value that is no number"),
    "sweep": Verb("training.sweep", "search for better values of a recipe's fields, with Optuna"),
    "evaluate": Verb("judging.evaluate", "measure a trained network on labelled images"),
    "robustness": Verb("judging.robustness", "measure a network on corrupted, perturbed and attacked images"),
    "predict": Verb("judging.predict", "name the most likely classes of images"),
    "report": Verb("judging.report", "turn results and runs into one HTML page, Markdown or CSV"),
    "pools": Verb("catalogue.pools", "list the pools, or describe one"),
    "networks": Verb("catalogue.networks", "list the backbones and named networks"),
    "techniques": Verb("catalogue.techniques", "list the techniques that change a network, or describe one"),
    "recipes": Verb("catalogue.recipes", "list the training recipes, or show one as YAML"),
    "weights": Verb("catalogue.weights", "import, show, verify and export published files of weights"),
    "data": Verb("pictures.data", "prepare images for training, check them, show what a network sees"),
    "explain": Verb("pictures.explain", "show where a score comes from, and which pairs of channels decide"),
    "embed": Verb("pictures.embed", "write the vectors of images, for a search or a vector store"),
    "search": Verb("pictures.search", "find the stored images that are nearest to given ones"),
    "calibrate": Verb("judging.calibrate", "see whether confidence is accuracy, and fit a temperature"),
    "retrieval": Verb("judging.retrieval", "judge stored vectors: recall@k, MAP@R, mAP"),
    "analyze": Verb("judging.analyze", "measure the loss around the weights of networks, along their training"),
    "bench": Verb("judging.bench", "time pools and networks on this machine"),
}

# words that let servers be asked for what is not on this machine; addresses (https://..., hf:...) do so themselves
_ASK = ("--download", "--pretrained", "--network.pretrained", "--push")

_ABOUT = """\
Higher-order (covariance) pooling for image classification.

usage: covpool VERB [options]        covpool VERB --help explains a verb

verbs:
{verbs}

options:
  --help     show this page
  --version  show the version
  --debug    with any verb: show the traceback of an error

example:
  covpool compare --data PATH --frozen
"""


def overview() -> str:
    """The page of ``covpool --help``."""
    width = max(map(len, VERBS))
    return _ABOUT.format(verbs="\n".join(f"  {name:<{width}}  {verb.line}" for name, verb in VERBS.items()))


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command line and return its exit code; ``covpool.cli.errors`` has them all."""
    words = list(sys.argv[1:] if argv is None else argv)
    debug = "--debug" in words
    words = [word for word in words if word != "--debug"]
    return guard(lambda: _dispatch(words), debug=debug)


def entry() -> None:
    """Like :func:`main` for a process of its own, which it ends."""
    hear_polite_kills()
    keep_stderr()
    try:
        code = main()
    except KeyboardInterrupt:  # once more, while the first was answered
        code = INTERRUPTED
    leave(code)


def _dispatch(words: list[str]) -> int:
    if not words:
        sys.stderr.write(overview())
        return WRONG_USAGE
    if words[0] in ("--help", "-h", "help") and len(words) == 1:
        sys.stdout.write(overview())
        return FINE
    if words[0] == "help":
        words = [words[1], "--help"]
    if words[0] == "--version":
        sys.stdout.write(f"covpool {__version__}\n")
        return FINE
    return _run(words[0], words[1:])


def _run(name: str, words: list[str]) -> int:
    if name not in VERBS:
        what = "option" if name.startswith("-") else "verb"
        near = nearest(name, VERBS)
        hint = f"did you mean {near!r}?" if near else "choose one of these:"
        raise Usage([f"unknown {what} {name!r}; {hint} ({', '.join(VERBS)})"])
    verb = VERBS[name].load()
    parser = verb.build()
    if any(word in ("--help", "-h") for word in words):
        sys.stdout.write(parser.format_help())
        return FINE
    options = parser.read(words)
    _send_log_to_stderr()
    with offline(not any(word.partition("=")[0] in _ASK for word in words)):
        return verb.run(options)


class _Stderr(logging.Handler):
    """Writes to whatever ``sys.stderr`` is at that moment: progress bars and tests replace it."""

    def emit(self, record: logging.LogRecord) -> None:
        prefix = "" if record.levelno < logging.WARNING else "note: "
        print(shown(f"{prefix}{record.getMessage()}"), file=sys.stderr)


def _send_log_to_stderr() -> None:
    log = logging.getLogger("covpool")
    if not any(isinstance(handler, _Stderr) for handler in log.handlers):
        log.addHandler(_Stderr())
        log.setLevel(logging.INFO)
