"""``covpool calibrate``: whether a network is right as often as it says, and the temperature that mends it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jsonargparse import Namespace

from covpool.cli.errors import FINE, Failure, Usage
from covpool.cli.images import preprocessing_of
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
from covpool.reporting.numerals import count, percent, three_digits

_OF_A_NETWORK = ("data", "split", "batch_size", "workers", "device", "on_bad_image")


def build() -> Parser:
    """The command line."""
    parser = Parser(
        "calibrate",
        "Measure how far a network's confidence is from its accuracy (expected calibration error, equal width and "
        "equal mass, class by class; Brier score; likelihood), fit the temperature of the softmax on one part of the "
        "images and judge it on the other. covpool predict --temperature takes the file of --output.",
        examples=[
            "covpool calibrate runs/first --data PATH --output calibration.json",
            "covpool calibrate first.npz --bins 15 --diagram reliability.svg",
        ],
        needs=["network"],
        check=_mistakes,
    )
    parser.add_argument(
        "network",
        nargs="?",
        metavar="RUN",
        help="a run folder, a .pt or .safetensors file, or predictions (.npz) of covpool evaluate",
    )
    add_data(parser, val=False)
    parser.add_argument(
        "--split", choices=["val", "test"], default="val", help="which images of --data; never those of the training"
    )
    parser.add_argument(
        "--fraction", type=float, default=0.5, help="part of every class that the temperature is fitted on"
    )
    parser.add_argument("--seed", type=int, default=0, help="of that split")
    parser.add_argument("--bins", type=int, default=10, help="of the calibration errors; many papers take 15")
    parser.add_argument("--diagram", type=str | None, metavar="FILE", help="draw the reliability diagram to this .svg")
    add_output(parser, "the result as JSON")
    add_machine(parser, batch_size=64)
    add_bad_image(parser)
    add_quiet(parser)
    return parser


def _mistakes(options: Namespace) -> list[str]:
    found = [
        *output_mistakes(options, "output", "diagram"),
        *at_least(options, batch_size=1, workers=0, bins=1, seed=0),
    ]
    if not 0 < options.fraction < 1:
        found.append(f"--fraction needs to be between 0 and 1; got {options.fraction}")
    if options.diagram is not None and not options.diagram.endswith(".svg"):
        found.append(f"--diagram needs to end in .svg; got {options.diagram}")
    given = options.get("given", [])
    if _is_kept(options):
        strange = ", ".join(f"--{name.replace('_', '-')}" for name in _OF_A_NETWORK if name in given)
        found += [f"{options.network} holds predictions; {strange} needs the network"] * bool(strange)
    elif not options.data and "data" not in given:
        found.append("covpool calibrate needs --data PATH; see covpool calibrate --help")
    return found


def _is_kept(options: Namespace) -> bool:
    return str(options.network or "").endswith(".npz")


def run(options: Namespace) -> int:
    """Predict, fit, judge, print, write."""
    from covpool.evaluation import Answers
    from covpool.evaluation.calibration import calibrate
    from covpool.reporting.drawing.reliability import reliability_file

    found = Answers.read(options.network) if _is_kept(options) else _judged(options)
    rows = found.predictions
    about = {key: value for key, value in found.about.items() if key != "classes"}
    result = calibrate(
        rows.logits, rows.labels, fraction=options.fraction, seed=options.seed, bins=options.bins, about=about
    )
    if result.at_limit:
        tell("the best temperature lies beyond the limits (every image is right, or the logits say nothing)")
    write_result(_lines(result), None)
    if options.output:
        result.write(options.output)
        tell(f"wrote {options.output}")
    if options.diagram:
        write_result(reliability_file(result.to_dict()), options.diagram)
    return FINE


def _judged(options: Namespace) -> Any:
    from covpool.data import open_images
    from covpool.evaluation import judge
    from covpool.evaluation.fingerprint import fingerprint
    from covpool.models.restore import restore_network

    network, about = restore_network(options.network)
    source = open_images(options.data, download=options.download)
    images = getattr(source, options.split)
    if images is None:
        raise Usage([f"{options.data} has no {options.split} images"])
    known = about.get("classes")
    if (known is not None and list(known) != list(images.classes)) or len(images.classes) != network.num_classes:
        raise Failure(f"{options.network} knows other classes than {options.data}; see covpool evaluate --subset")
    tell(f"{source.name}: {count(len(images))} images of {len(images.classes)} classes ({options.split})")
    note = {"weights": fingerprint(options.network), "network": options.network, "data": options.data}
    with counting("predicting", options.quiet) as progress:
        return judge(
            network,
            images,
            preprocessing_of(network, about),
            batch_size=options.batch_size,
            workers=options.workers,
            on_bad_image=options.on_bad_image,
            device=options.device,
            about={**note, "split": options.split},
            progress=progress,
        )


def _lines(result: Any) -> str:
    def row(title: str, name: str, show: Callable[[float], str]) -> str:
        return f"{title:<15} {show(getattr(result.before, name)):>9} {show(getattr(result.after, name)):>9}\n"

    lines = [f"{'':<15} {'before':>9} {'after':>9}\n"]
    for name, title in (("ece", "ECE"), ("adaptive_ece", "adaptive ECE"), ("classwise_ece", "class-wise ECE")):
        lines.append(row(title, name, lambda rate: f"{percent(rate, 2)} %"))
    lines += [row("Brier", "brier", three_digits), row("NLL", "nll", three_digits)]
    lines += [row(name, name, lambda rate: f"{percent(rate)} %") for name in ("confidence", "accuracy")]
    fitted = f"fitted on {count(result.fit_images)} images, judged on {count(result.judged_images)} others"
    return "".join(lines) + f"temperature     {result.temperature:.4f}, {fitted}\n"
