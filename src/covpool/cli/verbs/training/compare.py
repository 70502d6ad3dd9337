"""``covpool compare``: does second-order pooling pay on these images?"""

from __future__ import annotations

import shutil
import sys
from argparse import BooleanOptionalAction
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jsonargparse import Namespace

from covpool.cli.errors import FINE, Usage, code_of_stop
from covpool.cli.options import (
    add_bad_image,
    add_data,
    add_machine,
    add_quiet,
    at_least,
    choices_in,
    dated_folder,
    folder_mistakes,
    names_in,
    noting,
    out_mistakes,
    tell,
    write_result,
)
from covpool.cli.parser import Parser
from covpool.cli.progress import listening
from covpool.recipes import find_recipe
from covpool.reporting import compare_table, report

_OFFLINE = "tf_efficientnet_lite0"
_POOLS = "avg,gem,covariance,isqrt"
_LEAST = (
    "effective_rank",
    "pooling_ms_per_image",
    "train_seconds",
    "peak_memory_mb",
    "flops",
    "parameters",
    "out_features",
    "ms_per_image",
)


def build() -> Parser:
    """The command line."""
    parser = Parser(
        "compare",
        "Find out whether second-order pooling pays on your images, with which backbone and at what cost. Every pool "
        "is judged on the same images with several seeds, against average pooling and, where it is second-order, "
        "against a first-order control with as many numbers. Two ways: networks trained end to end, or with --frozen "
        "the features of a pretrained backbone, read once, with linear classifiers: minutes on a CPU. Prints a table "
        "and a sentence of advice, and writes results.json and report.html.",
        examples=[
            "covpool compare --data PATH --frozen",
            "covpool compare --data PATH --frozen --backbones resnet18,resnet50 --pools 'avg,isqrt(steps=3)'",
            "covpool compare --data mnist5k --backbones conv4 --pools avg,covariance,isqrt --out runs/digits",
        ],
        needs=["data"],
        check=_check,
    )
    add_data(parser)
    _add_what(parser)
    _add_how(parser)
    parser.add_argument("--out", type=str | None, metavar="DIR", help="result folder (default: runs/compare-DATE-TIME)")
    parser.add_argument("--force", action="store_true", help="let --out be a folder with results, which are replaced")
    add_quiet(parser)
    return parser


def _add_what(parser: Parser) -> None:
    """What is compared."""
    parser.add_argument("--frozen", action="store_true", help="linear classifiers on features of a frozen backbone")
    parser.add_argument(
        "--backbones",
        type=str | None,
        metavar="NAMES",
        help="backbones, with commas; without it tf_efficientnet_lite0 where its weights are installed, else resnet18",
    )
    parser.add_argument("--pools", type=str, default=_POOLS, metavar="NAMES", help="pools, with commas")
    parser.add_argument("--seeds", type=int, default=3, help="how many seeds each")
    parser.add_argument("--no-controls", action="store_true", help="leave the width-matched controls out")
    parser.add_argument(
        "--stages", type=str, default="middle,last", metavar="NAMES", help="with --frozen: stages of the backbone"
    )


def _add_how(parser: Parser) -> None:
    """How it is done."""
    parser.add_argument("--recipe", type=str | None, help="end to end: the recipe to train by, a name or a .yaml file")
    parser.add_argument("--epochs", type=int | None, help="end to end: epochs of each training")
    parser.add_argument("--image-size", type=int | None, help="side of the images; without it the backbone's own")
    parser.add_argument(
        "--pretrained",
        action=BooleanOptionalAction,
        default=None,
        help="start from published weights; without either, as the backbone and the way suggest",
    )
    parser.add_argument("--cache", type=str | None, metavar="DIR", help="with --frozen: where features are kept")
    parser.add_argument(
        "--most-channels",
        type=int | None,
        default=128,
        help="with --frozen: channels that PCA keeps for a second-order pool; none: all",
    )
    add_bad_image(parser)
    parser.add_argument("--workers", type=int | None, help="processes that read images")
    add_machine(parser, batch_size=None)


def _check(options: Namespace) -> list[str]:
    mistakes = [
        *out_mistakes(options, runs="*/*/seed*", result="results.json"),
        *folder_mistakes("--cache", options.cache, force=True),
        *at_least(options, seeds=1, epochs=1, image_size=1, most_channels=1, workers=0),
    ]
    choices_in("--pools", options.pools, mistakes)
    foreign = ("recipe", "epochs") if options.frozen else ("stages", "cache", "most_channels")
    hint = "goes with training end to end; drop it, or --frozen" if options.frozen else "goes with --frozen; add it"
    mistakes += [f"--{name.replace('_', '-')} {hint}" for name in foreign if name in options.given]
    if options.recipe:
        with noting(mistakes):
            find_recipe(options.recipe)
    return mistakes


def run(options: Namespace) -> int:
    """Compare, print the table and the advice, write the report."""
    backbones = names_in(options.backbones or _usual_backbone())
    images = _checked(options, backbones)
    out = Path(options.out or dated_folder("compare"))
    tell(f"{images.name}: {images.description}")
    try:
        results = _compare(options, images, backbones, out)
    except KeyboardInterrupt as stop:
        tell(f"interrupted; the same line with --out {out} goes on where it stopped")
        return code_of_stop(stop)
    report([out / "results.json"], out / "report.html")
    write_result(f"{_fitting(results)}\n{results['advice']}\n", None)
    tell(f"wrote {out / 'results.json'} and {out / 'report.html'}")
    return FINE


def _usual_backbone() -> str:
    from covpool.models.backbone import find_offline

    return _OFFLINE if find_offline(_OFFLINE) else "resnet18"


def _checked(options: Namespace, backbones: list[str]) -> Any:
    """The images, after every name was looked up; Usage with all mistakes of names and images."""
    from covpool.data import open_images
    from covpool.studies.request import check_request, read_choices

    mistakes: list[str] = []
    with noting(mistakes):
        check_request(backbones, options.seeds, names_in(options.stages) if options.frozen else None, options.epochs)
    with noting(mistakes):
        read_choices(options.pools)
    with noting(mistakes):
        images = open_images(options.data, val=options.val, download=options.download)
    if mistakes:
        raise Usage(mistakes)
    return images


def _compare(options: Namespace, images: Any, backbones: list[str], out: Path) -> Mapping[str, Any]:
    from covpool.studies import compare

    with listening(options.quiet) as listen:
        return compare(
            images,
            backbones=backbones,
            pools=choices_in("--pools", options.pools, []),
            seeds=options.seeds,
            frozen=options.frozen,
            stages=names_in(options.stages),
            epochs=options.epochs,
            image_size=options.image_size,
            out=out,
            listen=listen,
            controls=not options.no_controls,
            pretrained=options.pretrained,
            recipe=find_recipe(options.recipe) if options.recipe else None,
            most_channels=options.most_channels,
            cache=options.cache,
            workers=options.workers,
            on_bad_image=options.on_bad_image,
            device=options.device,
        )


def _fitting(results: Mapping[str, Any]) -> str:
    """The table, on a terminal with as many columns as it has room for."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    hidden: list[str] = ["backbone"] if len({row["backbone"] for row in results["rows"]}) == 1 else []
    for name in ("", *_LEAST):
        hidden.append(name)
        text = compare_table(results, leave_out=hidden).to_text()
        if width is None or len(text.partition("\n")[0]) <= width:
            break
    return text
