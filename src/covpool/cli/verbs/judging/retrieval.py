"""``covpool retrieval``: how well stored vectors find pictures of the same class."""

from __future__ import annotations

import json
from typing import Any

from jsonargparse import Namespace

from covpool.cli.errors import FINE, Usage
from covpool.cli.options import add_output, add_quiet, names_in, output_mistakes, tell, write_result
from covpool.cli.parser import Parser
from covpool.cli.progress import counting
from covpool.reporting.numerals import count, interval, percent

_SHOWN = 5


def build() -> Parser:
    """The command line."""
    parser = Parser(
        "retrieval",
        "Judge vectors of covpool embed by search: recall@k (a picture of the same class among the first k), MAP@R, "
        "R-precision and mAP. Each picture searches all others, or those of --gallery. Equal scores rank in the "
        "order of the file.",
        examples=[
            "covpool retrieval birds.npy --recall 1,2,4,8",
            "covpool retrieval queries.npy --gallery shop.npy --recall 1,10,20 --output result.json",
        ],
        needs=["vectors"],
        check=_mistakes,
    )
    parser.add_argument("vectors", nargs="?", metavar="VECTORS", help="the .npy or .parquet of covpool embed")
    parser.add_argument("--gallery", type=str | None, metavar="FILE", help="other vectors, which are searched")
    parser.add_argument("--recall", type=str, default="1,10,100,1000", metavar="LIST", help="the k of recall@k")
    parser.add_argument("--metric", choices=["cosine", "dot", "euclid"], default="cosine", help="what is near")
    parser.add_argument(
        "--unmatched",
        choices=["miss", "leave-out"],
        default="miss",
        help="pictures that are the only one of their class: misses, as published recalls count them, or left out",
    )
    parser.add_argument("--device", type=str, default="cpu", help="where products are computed")
    add_output(parser, "the result as JSON")
    add_quiet(parser)
    return parser


def _mistakes(options: Namespace) -> list[str]:
    words = names_in(options.recall)
    if words and all(word.isdigit() and int(word) >= 1 for word in words):
        return output_mistakes(options)
    return [*output_mistakes(options), f"--recall needs numbers such as 1,10,100; got {options.recall!r}"]


def run(options: Namespace) -> int:
    """Judge, print, write."""
    from covpool.evaluation.retrieval import judge_retrieval, open_vectors

    found = open_vectors(options.vectors)
    gallery = None if options.gallery is None else open_vectors(options.gallery)
    if not found.classes:
        raise Usage([f"the pictures of {options.vectors} have no classes to judge by; embed them without --unlabelled"])
    against, labels = (None, None) if gallery is None else (gallery.vectors, _same_names(gallery, found.classes))
    about = {"vectors": options.vectors, "made": _without_classes(found.about)}
    if gallery is not None:
        about |= {"gallery": options.gallery, "gallery_made": _without_classes(gallery.about)}
    with counting("searching", options.quiet) as progress:
        result = judge_retrieval(
            found.vectors,
            found.labels,
            against,
            labels,
            ks=sorted({int(word) for word in names_in(options.recall)}),
            metric=options.metric,
            unmatched=options.unmatched,
            keys=found.keys,
            device=options.device,
            about=about,
            progress=progress,
        )
    if result.unmatched:
        names = ", ".join(result.unmatched_keys[:_SHOWN]) + (", ..." if result.unmatched > _SHOWN else "")
        counted = "count as misses" if result.unmatched_count_as == "miss" else "are left out"
        tell(f"{count(result.unmatched)} queries have no other picture of their class and {counted}: {names}")
    write_result(_lines(result), None)
    if options.output:
        write_result(json.dumps(result.to_dict(), indent=1) + "\n", options.output)
    return FINE


def _same_names(gallery: Any, classes: Any) -> Any:
    """The gallery's labels in the numbers of the queries' classes; classes of its own get further numbers."""
    import numpy as np

    numbers = {name: label for label, name in enumerate(classes)}
    table = [numbers.setdefault(name, len(numbers)) for name in gallery.classes]
    return np.array([*table, -1], np.int64)[gallery.labels]


def _without_classes(about: Any) -> dict[str, Any]:
    return {key: value for key, value in about.items() if key not in ("classes", "skipped")}


def _lines(result: Any) -> str:
    rows = [
        (f"recall@{k}", f"{percent(rate, 2)} % {interval(*result.recall_interval[k])}")
        for k, rate in result.recall.items()
    ]
    rows += [
        ("MAP@R", f"{percent(result.map_at_r, 2)} %"),
        ("R-precision", f"{percent(result.r_precision, 2)} %"),
        ("mAP", f"{percent(result.mean_average_precision, 2)} %"),
        ("queries", f"{count(result.queries)}, each against {count(result.gallery)}"),
    ]
    return "".join(f"{name:<12} {value}\n" for name, value in rows)
