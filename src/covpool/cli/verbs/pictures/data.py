"""``covpool data``: prepare pictures for training, check them, show what a network sees of them."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from jsonargparse import Namespace

from covpool.cli.errors import FAILED, FINE
from covpool.cli.options import add_bad_image, add_quiet, at_least, folder_mistakes, output_mistakes, tell
from covpool.cli.parser import Parser
from covpool.cli.progress import counting
from covpool.reporting.numerals import count

_ACTIONS = ("prepare", "check", "show")
_TAKES = {
    "prepare": {"format", "size", "quality", "per_part", "seed", "workers", "on_bad_image"},
    "check": {"distance", "workers", "force"},
    "show": {"split", "augment", "pictures", "draws", "size", "seed", "force"},
}
_ALL = {"action", "source", "output", "val", "download", "cache", "quiet"}
_ENDINGS = {"check": (".html", ".json"), "show": (".png", ".jpg", ".jpeg", ".webp")}
_LEAST = {"size": 1, "quality": 1, "per_part": 1, "workers": 0, "distance": 0, "pictures": 1, "draws": 1, "seed": 0}


def build() -> Parser:
    """The command line."""
    parser = Parser(
        "data",
        "prepare reads any pictures once and writes WebDataset shards, TFRecords, or squares that are mapped into "
        "memory; killed at any moment, the same command goes on where it was. check reads all pictures and writes a "
        "page, with pictures, and a JSON file: classes, broken and duplicate pictures, leaks between splits, sizes, "
        "colours. show draws what a network sees after the transforms.",
        examples=[
            "covpool data prepare photos/ -o shards/ --workers 8",
            "covpool data prepare cub-200-2011:CUB_200_2011.tgz -o cub.tfrecords --format tfrecord",
            "covpool data prepare imagenet.tar -o imagenet64 --format pixels --size 64",
            "covpool data check photos/ -o photos.html",
            "covpool data show photos/ --augment randaugment --draws 6 -o seen.png",
        ],
        needs=["action", "source", "output"],
        check=_mistakes,
    )
    parser.add_argument("action", nargs="?", choices=_ACTIONS, help="what to do: " + ", ".join(_ACTIONS))
    parser.add_argument(
        "source",
        nargs="?",
        help="a folder of class folders or a .tar of one, a known set such as mnist5k, or a set as its authors publish "
        "it: the place, or NAME:PATH such as stanford-cars-zeroshot:PATH",
    )
    parser.add_argument(
        "-o", "--output", type=str | None, metavar="PATH", help="prepare: a new folder; check: .html; show: .png"
    )
    parser.add_argument("--force", action="store_true", help="check, show: let --output replace a file")
    parser.add_argument("--val", type=str | None, metavar="PATH", help="a second place with the validation pictures")
    parser.add_argument("--download", action="store_true", help="fetch a known set that is not on this machine yet")
    parser.add_argument("--cache", type=str | None, metavar="PATH", help="where known sets lie and archives unpack to")
    parser.add_argument("--workers", type=int | None, help="processes that read; without it one a core")
    _add_prepare(parser)
    parser.add_argument(
        "--distance", type=int, default=3, help="check: bits of 64 by which hashes of the same picture may differ"
    )
    _add_show(parser)
    add_quiet(parser)
    return parser


def _add_prepare(parser: Parser) -> None:
    parser.add_argument(
        "--format", choices=["shards", "tfrecord", "pixels"], default="shards", help="prepare: what to write"
    )
    parser.add_argument(
        "--size",
        type=int | None,
        help="prepare: reduce the short side to this; for pixels the side of the square (64 without it); "
        "show: the network's pixels (224 without it, or those of a protocol)",
    )
    parser.add_argument("--quality", type=int, default=95, help="prepare: of JPEGs that have to be written anew")
    parser.add_argument("--per-part", type=int, default=1000, help="prepare: pictures a file")
    parser.add_argument("--seed", type=int, default=0, help="prepare: of the stored order of training pictures; show")
    add_bad_image(parser)


def _add_show(parser: Parser) -> None:
    parser.add_argument("--split", choices=["train", "val", "test"], default="train", help="show: of which split")
    parser.add_argument(
        "--augment", type=str | None, metavar="NAME", help="show: an augmentation or protocol; without it as evaluated"
    )
    parser.add_argument("--pictures", type=int, default=8, help="show: rows")
    parser.add_argument("--draws", type=int, default=4, help="show: epochs, a column each, where something is random")


def _mistakes(options: Namespace) -> list[str]:
    action = options.action
    if action not in _ACTIONS:
        return []
    strange = set(options.get("given", [])) - _TAKES[action] - _ALL
    found = [f"covpool data {action} takes no --{name.replace('_', '-')}" for name in sorted(strange)]
    found += at_least(options, **_LEAST)
    if options.quality > 100:
        found.append(f"--quality needs at most 100; got {options.quality}")
    if options.distance > 3:
        found.append(f"--distance needs at most 3; got {options.distance}")
    if options.output is None:
        return found
    if action == "prepare":
        return found + folder_mistakes("--output", options.output, force=True)  # one of its own it may go on with
    endings = _ENDINGS[action]
    if not options.output.lower().endswith(endings):
        found.append(f"--output of {action} needs to end in {' or '.join(endings)}; got {options.output}")
    return found + output_mistakes(options)


def run(options: Namespace) -> int:
    """Prepare, check or show."""
    if options.workers is None:
        options.workers = os.cpu_count() or 1
    return {"prepare": _prepare, "check": _check, "show": _show}[options.action](options)


def _open(options: Namespace) -> Any:
    """The source with the splits it has and no others: a drawn one would be stored or judged as if it were its own."""
    from covpool.data import open_images

    return open_images(options.source, val=options.val, download=options.download, cache=options.cache, val_fraction=0)


def _prepare(options: Namespace) -> int:
    from covpool.data.prepare import make_plan, prepare

    source = _open(options)
    plan = make_plan(
        source,
        options.format,
        size=options.size,
        quality=options.quality,
        per_part=options.per_part,
        seed=options.seed,
    )
    tell(source.description)
    out = Path(options.output)
    try:
        with counting("preparing", options.quiet) as progress:
            about = prepare(
                plan, out, workers=options.workers, skip_bad=options.on_bad_image == "skip", progress=progress
            )
    except KeyboardInterrupt:
        tell(f"what is done is kept in {out}.partial; the same command goes on with it")
        raise
    for key, reason in about["skipped"]:
        tell(f"skipped {key}: {reason}")
    if about["written_anew"]:
        reasons = ", ".join(f"{count(number)} {reason}" for reason, number in about["written_anew"].items())
        tell(f"written anew, so that every reader sees the same: {reasons}")
    counts = ", ".join(f"{count(split['pictures'])} {name}" for name, split in about["splits"].items())
    tell(f"wrote {out}: {counts} pictures as {options.format}")
    return FINE


def _check(options: Namespace) -> int:
    from covpool.data.inspect import check
    from covpool.reporting.data_check import findings, render_check

    source = _open(options)
    with counting("checking", options.quiet) as progress:
        found = check(source, distance=options.distance, workers=options.workers, progress=progress)
    page = Path(options.output).with_suffix(".html")
    page.parent.mkdir(parents=True, exist_ok=True)
    page.with_suffix(".json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    page.write_text(render_check(found), encoding="utf-8")
    said = findings(found)
    for _, sentence in said:
        tell(sentence)
    tell(f"wrote {page} and {page.with_suffix('.json').name}")
    return FAILED if any(level == "bad" for level, _ in said) else FINE


def _show(options: Namespace) -> int:
    from covpool.data.inspect import picture_grid, spread_indices

    source = _open(options)
    images = getattr(source, options.split)
    if images is None:
        there = ", ".join(name for name in ("train", "val", "test") if getattr(source, name) is not None)
        raise ValueError(f"{options.source!r} has no split {options.split!r}; it has {there}")
    transform = _transform(options)
    indices = spread_indices(images.labels, options.pictures, options.seed)
    draws = options.draws if transform.is_random else 1
    sheet = picture_grid(images, transform, indices, draws=draws, seed=options.seed)
    path = Path(options.output)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path)
    tell(f"wrote {path}: {len(indices)} pictures as they are stored and as the network sees them")
    return FINE


def _transform(options: Namespace) -> Any:
    from covpool.data import Preprocessing, eval_transform, training_transforms

    if options.augment is None:
        return eval_transform(Preprocessing(image_size=options.size or 224))
    return training_transforms({}, options.augment, {}, image_size=options.size)[1]
