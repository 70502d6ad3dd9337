"""``covpool bench``: time, operations and memory on this machine."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import product
from typing import Any

from jsonargparse import Namespace

from covpool.cli.errors import FINE, Usage
from covpool.cli.options import (
    add_output,
    at_least,
    choices_in,
    names_in,
    noting,
    output_mistakes,
    tell,
    write_result,
)
from covpool.cli.parser import Parser
from covpool.cli.verbs.judging import bench_speed
from covpool.registry import unknown
from covpool.reporting.numerals import count, short, three_digits
from covpool.reporting.tables import Cell, Column, Table

_WHAT = ("pool", "network", "speed")
_OF_SPEED = ("runs", "batch_sizes", "precisions")


def build() -> Parser:
    """The command line."""
    parser = Parser(
        "bench",
        "Time pools, or whole networks with these pools, on this machine: forward and backward pass (median and "
        "quartiles of repeats after a warm-up), floating-point operations with formulas for the decompositions that "
        "torch counts as nothing, and peak memory of the forward pass. speed asks how fast networks, or trained ones, "
        "answer: images a second and latency percentiles over batch sizes and number formats.",
        examples=[
            "covpool bench pool --pools avg,covariance,isqrt --in-features 256 --map 14x14 --batch-size 16",
            "covpool bench network --backbones resnet18,resnet50 --pools avg,isqrt --image-size 224",
            "covpool bench speed --runs runs/first --batch-sizes 1,8,64 --precisions 32-true,bf16-mixed",
        ],
        check=_check,
    )
    parser.add_argument("what", nargs="?", default="pool", help="pool, network or speed")
    parser.add_argument("--pools", type=str, default="avg,covariance,isqrt,mpncov-eig", help="pools, with commas")
    parser.add_argument("--in-features", type=int, default=256, help="pool: channels of the feature map")
    parser.add_argument("--map", type=str, default="14x14", metavar="HxW", help="pool: size of the feature map")
    parser.add_argument("--backbones", type=str, default="resnet18", help="network: backbones, with commas")
    parser.add_argument("--image-size", type=int, default=224, help="network: side of the images")
    parser.add_argument("--reduce-to", type=int | None, help="channels after a 1x1 reduction before the pool")
    parser.add_argument("--batch-size", type=int, default=16, help="images at a time")
    parser.add_argument("--runs", type=str | None, metavar="RUNS", help="speed: trained networks, instead of backbones")
    parser.add_argument("--batch-sizes", type=str, default="1,8,32", help="speed: images at a time, with commas")
    parser.add_argument("--precisions", type=str, default="32-true", help="speed: 32-true, bf16-mixed, with commas")
    parser.add_argument("--repeats", type=int, default=9, help="timed passes")
    parser.add_argument("--device", type=str, default="auto", help="cpu, cuda, mps, ...; auto takes an accelerator")
    add_output(parser, "the numbers as JSON")
    return parser


def _check(options: Namespace) -> list[str]:
    limits = {"in_features": 1, "image_size": 1, "reduce_to": 1, "batch_size": 1, "repeats": 1}
    mistakes = [*output_mistakes(options), *at_least(options, **limits)]
    with noting(mistakes):
        _size(options.map)
    if options.what not in _WHAT:
        mistakes.append(unknown("thing to time", options.what, _WHAT))
    choices_in("--pools", options.pools, mistakes)
    with noting(mistakes):
        bench_speed.sizes_in(options.batch_sizes)
    with noting(mistakes):
        bench_speed.precisions_in(options.precisions)
    strange = [f"--{name.replace('_', '-')}" for name in _OF_SPEED if name in options.given]
    if options.what != "speed" and strange:
        mistakes.append(f"{', '.join(strange)} belongs to covpool bench speed")
    return mistakes


def _size(text: str) -> tuple[int, int]:
    height, cross, width = text.lower().partition("x")
    if not (cross and height.isdigit() and width.isdigit() and int(height) * int(width) > 0):
        raise ValueError(f"--map needs a height and a width such as 14x14; got {text!r}")
    return int(height), int(width)


def run(options: Namespace) -> int:
    """Build everything first, so that all wrong names are told at once; then time one after the other."""
    from covpool.evaluation import stamp
    from covpool.evaluation.predict import pick_device

    device = pick_device(options.device)
    if options.what == "speed":
        return _speed(options, device)
    subjects = _pools(options) if options.what == "pool" else _networks(options)
    rows = []
    for name, module, shape in subjects:
        tell(f"timing {name}")
        rows.append({"name": name, **_measure(module, shape, options.repeats, device)})
    write_result(_table(rows).to_text(), None)
    if options.output:
        kept = {key: options[key] for key in ("what", "batch_size", "repeats")}
        write_result(
            json.dumps({**stamp(), **kept, "device": str(device), "rows": rows}, indent=1) + "\n", options.output
        )
    return FINE


def _speed(options: Namespace, device: Any) -> int:
    if options.runs:
        subjects = bench_speed.trained(options.runs)
    else:
        subjects = [(name, network, shape[-1]) for name, network, shape in _networks(options)]
    record = bench_speed.measure(subjects, options, device)
    write_result(bench_speed.table(record).to_text(), None)
    if options.output:
        write_result(json.dumps(record, indent=1) + "\n", options.output)
    return FINE


Subject = tuple[str, Any, tuple[int, ...]]


def _pools(options: Namespace) -> list[Subject]:
    from covpool.pooling import create_pool

    shape = (options.batch_size, options.in_features, *_size(options.map))
    mistakes: list[str] = []
    subjects: list[Subject] = []
    for choice in choices_in("--pools", options.pools, mistakes):
        with noting(mistakes):
            pool = create_pool(choice.name, options.in_features, options.reduce_to, **choice.options)
            subjects.append((str(choice), pool, shape))
    return _right(subjects, mistakes)


def _networks(options: Namespace) -> list[Subject]:
    from covpool.models import create_network

    shape = (options.batch_size, 3, options.image_size, options.image_size)
    choices = choices_in("--pools", options.pools, [])
    mistakes: list[str] = []
    subjects: list[Subject] = []
    for backbone, choice in product(names_in(options.backbones), choices):
        with noting(mistakes):
            network = create_network(backbone, choice, reduce_to=options.reduce_to or "auto")
            subjects.append((f"{backbone} + {choice}", network, shape))
    return _right(subjects, mistakes)


def _right(subjects: list[Subject], mistakes: list[str]) -> list[Subject]:
    if mistakes:
        raise Usage(list(dict.fromkeys(mistakes)))
    return subjects


def _measure(module: Any, shape: tuple[int, ...], repeats: int, device: Any) -> dict[str, Any]:
    """Milliseconds of a whole batch, operations of one image, bytes of a forward pass."""
    import torch

    from covpool.evaluation.cost import quartiles, time_repeats
    from covpool.evaluation.flops import forward_flops
    from covpool.evaluation.memory import forward_peak_bytes

    module.to(device).train()
    x = torch.randn(shape, generator=torch.Generator().manual_seed(0)).to(device).requires_grad_()

    def both() -> None:
        module(x).sum().backward()

    with torch.no_grad():
        forward = quartiles(time_repeats(lambda: module(x), repeats=repeats, device=device))
    together = quartiles(time_repeats(both, repeats=repeats, device=device))
    module.eval().requires_grad_(False)
    still = x.detach()
    return {
        "out_features": module(still[:2]).shape[1],
        "forward_ms": [1000 * t for t in forward],
        "forward_backward_ms": [1000 * t for t in together],
        "flops": forward_flops(module, still[:1]),
        "peak_memory_mb": forward_peak_bytes(module, still) / 1e6,
        "parameters": sum(p.numel() for p in module.parameters()),
    }


_COLUMNS = (
    Column("name", "name", numeric=False),
    Column("out_features", "outputs"),
    Column("forward_ms", "forward, ms", numeric=False),
    Column("forward_backward_ms", "forward + backward, ms", numeric=False),
    Column("flops", "FLOPs/image"),
    Column("peak_memory_mb", "MB"),
    Column("parameters", "params"),
)


def _table(rows: Sequence[dict[str, Any]]) -> Table:
    return Table(_COLUMNS, [[_cell(column.key, row[column.key]) for column in _COLUMNS] for row in rows])


def _cell(key: str, value: Any) -> Cell:
    if isinstance(value, list):
        low, middle, high = map(three_digits, value)
        return Cell(middle, value[1], f"[{low}, {high}]")
    shown = {"out_features": count, "peak_memory_mb": three_digits}.get(key, short)
    return Cell(value if isinstance(value, str) else shown(value), value)
