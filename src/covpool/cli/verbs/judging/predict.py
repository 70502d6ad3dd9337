"""``covpool predict``: the most likely classes of images."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from glob import glob
from pathlib import Path
from typing import Any

from jsonargparse import Namespace

from covpool.cli.errors import FAILED, FINE, Failure
from covpool.cli.images import image_files, preprocessing_of, set_of_files
from covpool.cli.options import (
    add_bad_image,
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


def build() -> Parser:
    """The command line."""
    parser = Parser(
        "predict",
        "Name the most likely classes of images, with their probabilities, by a trained network. The images are "
        "prepared as in its training. Folders are searched through; the order is that of the command line.",
        examples=[
            "covpool predict runs/first photo.jpg",
            "covpool predict runs/first photos/ 'more/*.png' --top-k 3 --format json --output classes.json",
        ],
        needs=["network", "images"],
        check=_check,
    )
    parser.add_argument("network", nargs="?", metavar="RUN", help="a run folder, a .pt or a .safetensors file")
    parser.add_argument("images", nargs="*", help="image files, folders, or patterns in quotes")
    parser.add_argument("--top-k", type=int, default=5, help="how many classes of each image")
    parser.add_argument(
        "--temperature",
        type=str | None,
        metavar="T",
        help="of the softmax: a number, or the file that covpool calibrate wrote for this network",
    )
    parser.add_argument("--format", choices=["csv", "json"], default="csv", help="what to write")
    add_machine(parser, batch_size=32)
    add_bad_image(parser)
    add_output(parser, "the predictions")
    add_quiet(parser)
    return parser


def _check(options: Namespace) -> list[str]:
    absent = [word for word in options.images if not Path(word).exists() and not glob(word, recursive=True)]
    temperature = _number(options.temperature or "1")
    return [
        *output_mistakes(options),
        *at_least(options, top_k=1, batch_size=1, workers=0),
        *[f"--temperature needs a number above 0; got {options.temperature}"]
        * (temperature is not None and not 0 < temperature < float("inf")),
        *(f"there is no image at {word}" for word in absent),
    ]


def run(options: Namespace) -> int:
    """Predict, write; 1 where every image was broken."""
    files = image_files(options.images)
    rows, broken = _predict(options, files)
    for key, reason in broken:
        tell(f"skipped {key}: {reason}")
    write_result(_json(rows) if options.format == "json" else _csv(rows), options.output)
    return FINE if rows else FAILED


def _predict(options: Namespace, files: Sequence[Path]) -> tuple[list[dict[str, Any]], list[tuple[str, str]]]:
    from covpool.data import eval_loader, eval_transform
    from covpool.evaluation import predict
    from covpool.models.restore import restore_network

    temperature = _temperature(options.temperature, options.network)
    network, about = restore_network(options.network)
    loader = eval_loader(
        set_of_files(files),
        eval_transform(preprocessing_of(network, about)),
        batch_size=options.batch_size,
        workers=options.workers,
        on_bad_image=options.on_bad_image,
    )
    with counting("predicting", options.quiet) as progress:
        try:
            found = predict(network, loader, device=options.device, progress=progress)
        except ValueError:
            if len(loader.skipped) < len(files):
                raise
            return [], list(loader.skipped)
    classes = about.get("classes") or [str(i) for i in range(found.logits.shape[1])]
    if len(classes) != found.logits.shape[1]:
        raise Failure(f"{options.network} names {len(classes)} classes, and its network has {found.logits.shape[1]}")
    best = replace(found, logits=found.logits / temperature).probabilities.topk(min(options.top_k, len(classes)))
    picked = zip(found.indices.tolist(), best.indices.tolist(), best.values.tolist(), strict=True)
    return [_row(files[i], [classes[k] for k in top], shares) for i, top, shares in picked], list(loader.skipped)


def _temperature(word: str | None, network: str) -> float:
    """The temperature that a word means: none, a number, or a file that must be about these weights."""
    value = _number(word or "1")
    if value is not None:
        return value
    from covpool.evaluation.calibration import read_temperature
    from covpool.evaluation.fingerprint import fingerprint

    return read_temperature(str(word), fingerprint(network))


def _number(word: str) -> float | None:
    try:
        return float(word)
    except ValueError:
        return None


def _row(file: Path, classes: Sequence[str], probabilities: Sequence[float]) -> dict[str, Any]:
    ranked = zip(classes, probabilities, strict=True)
    return {"image": str(file), "classes": [{"class": name, "probability": p} for name, p in ranked]}


def _json(rows: Sequence[dict[str, Any]]) -> str:
    return json.dumps(rows, indent=1) + "\n"


def _csv(rows: Sequence[dict[str, Any]]) -> str:
    from covpool.evaluation.writing.as_csv import as_csv

    lines = [
        (row["image"], rank, c["class"], f"{c['probability']:.6f}")
        for row in rows
        for rank, c in enumerate(row["classes"], start=1)
    ]
    return as_csv([("image", "rank", "class", "probability"), *lines]).decode()
