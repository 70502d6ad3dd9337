"""``covpool evaluate``: a trained network on labelled images."""

from __future__ import annotations

import json
from typing import Any

from jsonargparse import Namespace

from covpool.cli.errors import FINE, Failure, Usage
from covpool.cli.options import (
    add_bad_image,
    add_data,
    add_machine,
    add_output,
    add_quiet,
    at_least,
    output_mistakes,
    tell,
    write_result,
)
from covpool.cli.parser import Parser
from covpool.cli.progress import counting
from covpool.reporting.numerals import count, interval, percent, three_digits


def build() -> Parser:
    """The command line."""
    parser = Parser(
        "evaluate",
        "Measure a trained network on labelled images: top-1 and top-5 accuracy with intervals, and the loss. The "
        "images are prepared as in its training. --output keeps everything, with the confusion matrix, for "
        "covpool report.",
        examples=["covpool evaluate runs/first --data PATH --split test --output test.json"],
        needs=["network", "data"],
        check=lambda options: [*output_mistakes(options), *at_least(options, batch_size=1, workers=0)],
    )
    parser.add_argument("network", nargs="?", metavar="RUN", help="a run folder, a .pt or a .safetensors file")
    add_data(parser, val=False)
    parser.add_argument("--split", choices=["val", "test", "train"], default="val", help="which images of --data")
    add_machine(parser, batch_size=64)
    add_bad_image(parser)
    add_output(parser, "the result as JSON")
    add_quiet(parser)
    return parser


def run(options: Namespace) -> int:
    """Evaluate, print, write."""
    from covpool.data import Preprocessing
    from covpool.evaluation.evaluate import evaluate
    from covpool.models.restore import restore_network

    network, about = restore_network(options.network)
    images = _images(options, about.get("classes"))
    with counting("evaluating", options.quiet) as progress:
        result = evaluate(
            network,
            images,
            Preprocessing.from_dict(about["preprocessing"]),
            batch_size=options.batch_size,
            workers=options.workers,
            on_bad_image=options.on_bad_image,
            device=options.device,
            about={**about, "network": options.network, "data": options.data, "split": options.split},
            progress=progress,
        )
    write_result(_lines(result), None)
    if options.output:
        write_result(json.dumps(result.to_dict(), indent=1) + "\n", options.output)
    return FINE


def _images(options: Namespace, classes: list[str] | None) -> Any:
    """The asked-for split, which must have the network's classes."""
    from covpool.data import open_images

    source = open_images(options.data, download=options.download)
    images = getattr(source, options.split)
    if images is None:
        there = ", ".join(name for name in ("train", "val", "test") if getattr(source, name) is not None)
        raise Usage([f"{options.data} has no {options.split} images; it has {there}"])
    if classes is not None and list(images.classes) != list(classes):
        raise Failure(_different(list(images.classes), list(classes)))
    tell(f"{source.name}: {count(len(images))} images of {len(images.classes)} classes ({options.split})")
    return images


def _different(given: list[str], known: list[str]) -> str:
    strange = [name for name in given if name not in known]
    missing = [name for name in known if name not in given]
    parts = [f"unknown to it: {', '.join(strange[:8])}"] * bool(strange)
    parts += [f"not in the data: {', '.join(missing[:8])}"] * bool(missing)
    return f"the network knows other classes than the data; {'; '.join(parts) or 'their order differs'}"


def _lines(result: Any) -> str:
    rows = [
        ("top-1", f"{percent(result.top1)} % {interval(*result.top1_interval)}"),
        ("top-5", f"{percent(result.top5)} % {interval(*result.top5_interval)}"),
        ("loss", three_digits(result.loss)),
        ("images", count(result.images) + (f" ({result.skipped} skipped)" if result.skipped else "")),
    ]
    return "".join(f"{name:<7} {value}\n" for name, value in rows)
