"""``covpool analyze``: the loss around the weights of networks, along their training."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from jsonargparse import Namespace

from covpool.cli.errors import FINE, code_of_stop
from covpool.cli.options import (
    add_data,
    add_quiet,
    at_least,
    choices_in,
    dated_folder,
    names_in,
    noting,
    out_mistakes,
    tell,
    write_result,
)
from covpool.cli.parser import Parser
from covpool.cli.progress import counting
from covpool.recipes import find_recipe

_MODES = ["batch-statistics", "evaluation", "calibrated", "training"]
_USUAL = "activations,weights,hessian,sharpness,conditioning,spectrum"
_ALL = (*names_in(_USUAL), "density", "slices")
_OF_TRAINING = ("pools", "epochs", "points", "seeds")


def build() -> Parser:
    """The command line."""
    parser = Parser(
        "analyze",
        "Measure the loss around the weights of networks: how far loss and gradient change along the gradient "
        "(Lipschitzness, gradient predictiveness, effective smoothness, as the released landscape loop of Wang et al. "
        "does), the Hessian's largest eigenvalues and trace, sharpness, the conditioning of gradients, the spectrum of "
        "the pooled covariance, epochs to an accuracy. Give runs or files of weights, or --train recipes, whose "
        "weights are then kept and measured along the training. Runs that differ in the seed only get bands. Writes "
        "analysis.json, analysis.html and analysis.md.",
        examples=[
            "covpool analyze runs/avg runs/isqrt",
            "covpool analyze model.safetensors --data PATH --measures hessian,slices",
            "covpool analyze --train small/digits --pools avg,isqrt --seeds 3 --epochs 2",
        ],
        check=_check,
    )
    parser.add_argument("runs", nargs="*", metavar="RUN", help="run folders, .pt or .safetensors files")
    _add_training(parser)
    add_data(parser)
    _add_measuring(parser)
    parser.add_argument("--out", type=str | None, metavar="DIR", help="result folder (default: runs/analyze-DATE-TIME)")
    parser.add_argument("--force", action="store_true", help="let --out be a folder with results, which are replaced")
    parser.add_argument("--device", type=str, default="auto", help="cpu, cuda, mps, ...; auto takes an accelerator")
    add_quiet(parser)
    return parser


def _add_training(parser: Parser) -> None:
    parser.add_argument("--train", type=str | None, metavar="RECIPES", help="recipes to train first, with commas")
    parser.add_argument(
        "--pools", type=str | None, metavar="NAMES", help="with --train: each recipe with each of these pools"
    )
    parser.add_argument("--seeds", type=int, default=3, help="with --train: how many seeds each")
    parser.add_argument("--epochs", type=int | None, help="with --train: epochs of each training")
    parser.add_argument("--points", type=int, default=6, help="with --train: steps at which is measured")


def _add_measuring(parser: Parser) -> None:
    parser.add_argument(
        "--measures", type=str, default=_USUAL, metavar="NAMES", help=f"what to measure, of {', '.join(_ALL)}"
    )
    parser.add_argument("--images", type=int, default=256, help="pictures to measure on, the same at every step")
    parser.add_argument("--batch-size", type=int, default=64, help="pictures a batch; batch norm sees that many")
    parser.add_argument("--split", choices=["train", "val", "test"], default="train", help="of which pictures")
    parser.add_argument("--mode", choices=_MODES, default="batch-statistics", help="batch norm and dropout")
    parser.add_argument("--dtype", choices=["float64", "float32"], default="float64", help="of all that is computed")
    parser.add_argument(
        "--distances", type=str, default="0.1,75,50", metavar="LOW,HIGH,COUNT", help="steps in the activations"
    )
    parser.add_argument("--target", type=float | None, metavar="PERCENT", help="accuracy of 'epochs to reach'")


def _check(options: Namespace) -> list[str]:
    mistakes = [
        *at_least(options, seeds=1, epochs=1, points=2, images=2, batch_size=2),
        *out_mistakes(options, runs="*/seed*", result="analysis.json"),
        *(f"unknown measure {name!r}; choose of {', '.join(_ALL)}" for name in _unknown(options)),
    ]
    if bool(options.runs) == bool(options.train):
        mistakes.append("give runs or files of weights to analyze, or --train recipes; one of the two")
    if not options.train:
        given = [name for name in _OF_TRAINING if name in options.given]
        mistakes += [f"--{name} goes with --train; add it, or drop it" for name in given]
    for name in names_in(options.train or ""):
        with noting(mistakes):
            find_recipe(name)
    if options.pools:
        choices_in("--pools", options.pools, mistakes)
    with noting(mistakes):
        _distances(options.distances)
    return mistakes


def _unknown(options: Namespace) -> list[str]:
    return [name for name in names_in(options.measures) if name not in _ALL]


def _distances(line: str) -> tuple[float, float, int]:
    try:
        low, high, count = line.split(",")
        found = float(low), float(high), int(count)
    except ValueError:
        found = 0.0, 0.0, 0
    if not (0 < found[0] <= found[1] and found[2] >= 1):
        raise ValueError(f"--distances needs LOW,HIGH,COUNT with 0 < LOW <= HIGH, such as 0.1,75,50; got {line!r}")
    return found


def run(options: Namespace) -> int:
    """Train where asked, measure, write."""
    out = Path(options.out or dated_folder("analyze"))
    images = _images(options)
    try:
        paths = _trained(options, images, out) if options.train else options.runs
        results = _measured(options, images, paths)
    except KeyboardInterrupt as stop:
        tell(f"interrupted; the same line with --out {out} goes on where it stopped")
        return code_of_stop(stop)
    _write(results, out)
    return FINE


def _images(options: Namespace) -> Any:
    from covpool.data import open_images

    if options.data is None:
        return None
    return open_images(options.data, val=options.val, download=options.download)


def _trained(options: Namespace, images: Any, out: Path) -> list[Path]:
    """A run folder for each recipe, pool and seed."""
    from covpool.studies.landscape import recipes_of, train_with_snapshots

    pools = choices_in("--pools", options.pools, []) if options.pools else [None]
    recipes = [
        replace(recipe, seed=seed)
        for name in names_in(options.train)
        for recipe in recipes_of(find_recipe(name), pools, epochs=options.epochs)
        for seed in range(options.seeds)
    ]
    folders = []
    for recipe in recipes:
        tell(f"training {recipe.name} with {recipe.network.pool}, seed {recipe.seed}")
        slug = re.sub(r"[^A-Za-z0-9_.+=-]+", "_", f"{recipe.name}+{recipe.network.pool}").strip("_")
        folders.append(
            train_with_snapshots(
                recipe,
                out / slug / f"seed{recipe.seed}",
                points=options.points,
                images=images,
                device=options.device,
                download=options.download,
            )
        )
    return folders


def _measured(options: Namespace, images: Any, paths: list[Any]) -> dict[str, Any]:
    from covpool.analysis import Protocol
    from covpool.studies.landscape import Probe, analyze

    protocol = Protocol(
        measures=tuple(names_in(options.measures)),
        mode=options.mode,
        activation_distances=_distances(options.distances),
        dtype=options.dtype,
    )
    with counting("measuring", options.quiet) as progress:
        return analyze(
            paths,
            images=images,
            protocol=protocol,
            probe=Probe(images=options.images, batch_size=options.batch_size, split=options.split),
            target=None if options.target is None else options.target / 100,
            device=options.device,
            progress=progress,
        )


def _write(results: dict[str, Any], out: Path) -> None:
    from covpool.evaluation import write_json
    from covpool.reporting import report

    file = out / "analysis.json"
    write_json(file, results)
    report([file], out / "analysis.html")
    markdown = report([file], out / "analysis.md", format="md")
    write_result(markdown, None)
    tell(f"wrote {file}, {file.with_suffix('.html').name} and {file.with_suffix('.md').name}")
