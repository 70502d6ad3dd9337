"""``covpool evaluate``: a trained network, or the predictions kept of one, on labelled images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
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
    table_mistakes,
    tell,
    write_result,
)
from covpool.cli.parser import Parser
from covpool.cli.progress import counting
from covpool.reporting.numerals import count, interval, percent, points, short, three_digits

_FILES = ("output", "save_predictions", "per_class", "confusion")
_OF_A_NETWORK = ("data", "split", "protocol", "average", "image_size", "crop_pct", "interpolation", "precision", "cost")


def build() -> Parser:
    """The command line."""
    parser = Parser(
        "evaluate",
        "Measure a trained network on labelled images: top-1 and top-5 accuracy with intervals, and the loss. The "
        "images are prepared as in its training, or as another --protocol says. --output keeps everything, with the "
        "confusion matrix, for covpool report; --save-predictions keeps what the network said of every image, so that "
        "another network can be held --against it, picture by picture.",
        examples=[
            "covpool evaluate runs/first --data PATH --split test --output test.json",
            "covpool evaluate runs/first --data PATH --protocol 10-crop --save-predictions first.npz",
            "covpool evaluate runs/second --data PATH --against first.npz",
            "covpool evaluate second.npz --against first.npz --per-class classes.csv",
            "covpool evaluate r50.safetensors --data imagenet-a --split all --subset imagenet --csv results.csv",
        ],
        needs=["network"],
        check=_check,
    )
    parser.add_argument(
        "network", nargs="?", metavar="RUN", help="a run folder, a .pt or .safetensors file, or kept predictions (.npz)"
    )
    add_data(parser, val=False)
    parser.add_argument(
        "--split",
        choices=["val", "test", "train", "all"],
        default="val",
        help="which images of --data; all: every image of a folder without a split of its own",
    )
    _add_protocol(parser)
    _add_files(parser)
    add_machine(parser, batch_size=64)
    parser.add_argument(
        "--precision", choices=["32-true", "bf16-mixed"], default="32-true", help="number format of the forward pass"
    )
    parser.add_argument("--cost", action="store_true", help="also measure time, operations and memory")
    add_bad_image(parser)
    add_output(parser, "the result as JSON")
    add_quiet(parser)
    return parser


def _add_protocol(parser: Parser) -> None:
    parser.add_argument(
        "--protocol",
        type=str | None,
        metavar="NAME",
        help="1-crop, mirror, 10-crop, or a published one such as fast_mpncov-imagenet-10crop (default: the network's)",
    )
    parser.add_argument("--image-size", type=int | None, help="side of the images, instead of the network's")
    parser.add_argument("--crop-pct", type=float | None, help="part of the resized image that is kept")
    parser.add_argument("--interpolation", type=str | None, help="bilinear, bicubic, ...")
    parser.add_argument(
        "--average", choices=["logits", "softmax"], default="logits", help="what is averaged over several views"
    )
    parser.add_argument(
        "--subset",
        type=str | None,
        metavar="MAP",
        help="judge the network's outputs for these classes alone: imagenet (classes are WordNet ids), numbers, names, "
        "or a .csv, .json or .txt file from class to output",
    )


def _add_files(parser: Parser) -> None:
    files = {
        "--save-predictions": "keep what the network said of every image in this .npz file",
        "--against": "hold it against the predictions in this .npz file: difference with interval, McNemar's test",
        "--per-class": "write recall, precision and the likeliest mistake of every class to this .csv file",
        "--confusion": "write the confusion matrix to this .csv file",
        "--csv": "add a row to this .csv file, with the columns of timm's tables of results",
    }
    for flag, line in files.items():
        parser.add_argument(flag, type=str | None, metavar="FILE", help=line)


def _check(options: Namespace) -> list[str]:
    kept = _is_kept(options)
    mistakes = [
        *output_mistakes(options, *_FILES),
        *table_mistakes("--csv", options.csv),
        *at_least(options, batch_size=1, workers=0, image_size=1),
    ]
    if not kept and not options.data and "data" not in options.given:
        mistakes.append("covpool evaluate needs --data PATH; see covpool evaluate --help")
    if kept:
        strange = [f"--{name.replace('_', '-')}" for name in _OF_A_NETWORK if name in options.given]
        mistakes += [f"{options.network} holds predictions; {', '.join(strange)} needs the network"] * bool(strange)
    return mistakes


def _is_kept(options: Namespace) -> bool:
    return str(options.network or "").endswith(".npz")


def run(options: Namespace) -> int:
    """Evaluate, compare, print, write."""
    other = _read(options.against) if options.against else None
    found = _kept(options) if _is_kept(options) else _judged(options)
    result = found.result()
    rows = _rows(result)
    if other is not None:
        paired = found.against(other)
        result = replace(result, about={**result.about, "against": {"file": options.against, **paired.to_dict()}})
        rows += _paired_rows(paired, options.against)
    write_result(_lines(rows), None)
    _write(options, found, result)
    return FINE


def _read(path: str) -> Any:
    from covpool.evaluation import Answers

    return Answers.read(path)


def _kept(options: Namespace) -> Any:
    found = _read(options.network)
    if not options.subset:
        return found
    return found.restricted(_outputs(options, found.classes, found.predictions.logits.shape[1], None))


def _judged(options: Namespace) -> Any:
    from covpool.evaluation import cost, judge, judged_as
    from covpool.models.restore import restore_network

    network, about = restore_network(options.network)
    values = judged_as(
        preprocessing_of(network, about),
        options.protocol,
        image_size=options.image_size,
        crop_pct=options.crop_pct,
        interpolation=options.interpolation,
    )
    images, outputs = _images(options, network.num_classes, about.get("classes"))
    parameters = sum(p.numel() for p in network.parameters())
    note = {**about, "network": options.network, "data": options.data, "split": options.split, "parameters": parameters}
    with counting("evaluating", options.quiet) as progress:
        found = judge(
            network,
            images,
            values,
            protocol=options.protocol,
            average=options.average,
            outputs=outputs,
            batch_size=options.batch_size,
            workers=options.workers,
            on_bad_image=options.on_bad_image,
            device=options.device,
            precision=options.precision,
            about=note,
            progress=progress,
        )
    if options.cost:
        measured = cost(network, values.image_size, device=options.device).to_dict()
        found = replace(found, about={**found.about, "cost": measured})
    return found


def _images(options: Namespace, outputs: int, names: list[str] | None) -> tuple[Any, list[int] | None]:
    """The asked-for split and the network's outputs for its classes: None where they are the network's own."""
    from covpool.data import open_images

    whole = options.split == "all"
    source = open_images(options.data, download=options.download, val_fraction=1.0 if whole else 0.2)
    images = source.val if whole else getattr(source, options.split)
    if images is None or (whole and source.train is not None):
        there = ", ".join(name for name in ("train", "val", "test") if getattr(source, name) is not None)
        raise Usage([f"{options.data} has no {options.split} images; it has {there}"])
    tell(f"{source.name}: {count(len(images))} images of {len(images.classes)} classes ({options.split})")
    if options.subset:
        return images, _outputs(options, images.classes, outputs, names)
    if names is not None and list(images.classes) != list(names):
        raise Failure(_different(list(images.classes), list(names)))
    if len(images.classes) != outputs:
        wanted = f"{options.network} has {outputs} outputs; the data has {len(images.classes)} classes"
        raise Failure(f"{wanted}. Say with --subset which output stands for which class")
    return images, None


def _outputs(options: Namespace, classes: Sequence[str], outputs: int, names: list[str] | None) -> list[int]:
    from covpool.evaluation import output_of_each_class

    return output_of_each_class(options.subset, classes, outputs, names)


def _different(given: list[str], known: list[str]) -> str:
    strange = [name for name in given if name not in known]
    missing = [name for name in known if name not in given]
    parts = [f"unknown to it: {', '.join(strange[:8])}"] * bool(strange)
    parts += [f"not in the data: {', '.join(missing[:8])}"] * bool(missing)
    hint = "" if strange else ". --subset names judges it on the classes of the data alone"
    return f"the network knows other classes than the data; {'; '.join(parts) or 'their order differs'}{hint}"


def _write(options: Namespace, found: Any, result: Any) -> None:
    from covpool.evaluation.writing.per_class import per_class_rows, write_confusion, write_per_class
    from covpool.evaluation.writing.timm_csv import add_timm_row, timm_row

    if options.output:
        result.write(options.output)
    if options.save_predictions:
        found.write(options.save_predictions)
    if options.per_class:
        write_per_class(options.per_class, per_class_rows(result.confusion, result.classes))
    if options.confusion:
        write_confusion(options.confusion, result.confusion, result.classes)
    if options.csv:
        add_timm_row(options.csv, timm_row(result, _name(options.network)))
    for path in filter(None, [*(options[name] for name in _FILES), options.csv]):
        tell(f"wrote {path}")


def _name(network: str) -> str:
    """How a table calls it: the name of the run's folder, or of the file."""
    path = Path(network).resolve()
    return path.name if path.is_dir() else path.stem


def _rows(result: Any) -> list[tuple[str, str]]:
    rows = [
        ("top-1", f"{percent(result.top1)} % {interval(*result.top1_interval)}"),
        ("top-5", f"{percent(result.top5)} % {interval(*result.top5_interval)}"),
        ("loss", three_digits(result.loss)),
        ("images", count(result.images) + (f" ({result.skipped} skipped)" if result.skipped else "")),
    ]
    cost = result.about.get("cost")
    if cost:
        each = f"{three_digits(cost['ms_per_image'])} ms, {short(cost['flops'])} FLOPs an image"
        size = f"{short(cost['parameters'])} parameters, {three_digits(cost['peak_memory_mb'])} MB"
        rows.append(("cost", f"{each}, {size}"))
    return rows


def _paired_rows(paired: Any, other: str) -> list[tuple[str, str]]:
    gain = f"{points(paired.difference)} {interval(*paired.interval, signed=True)} points: {paired.verdict}"
    alone = f"{count(paired.only_a)} right here alone, {count(paired.only_b)} there alone"
    return [
        ("against", f"{percent(paired.b)} % of {other} on {count(paired.pictures)} images"),
        ("gain", gain),
        ("McNemar", f"p = {paired.p_exact:.2g} exact, {paired.p_mid:.2g} mid-p ({alone})"),
    ]


def _lines(rows: Sequence[tuple[str, str]]) -> str:
    return "".join(f"{name:<7} {value}\n" for name, value in rows)
