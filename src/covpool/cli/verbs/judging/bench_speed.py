"""``covpool bench speed``: how fast networks answer, over batch sizes and number formats."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, get_args

from jsonargparse import Namespace

from covpool.cli.images import preprocessing_of
from covpool.cli.options import names_in, tell
from covpool.reporting.numerals import count, short, three_digits
from covpool.reporting.tables import Cell, Column, Table

SCHEMA = "covpool-speed/1"


def sizes_in(text: str) -> list[int]:
    """The batch sizes of a comma-separated list.

    Example:
        >>> sizes_in("1, 8,32")
        [1, 8, 32]
    """
    words = names_in(text)
    if not words or not all(word.isdecimal() and int(word) > 0 for word in words):
        raise ValueError(f"--batch-sizes needs whole numbers above 0 with commas, such as 1,8,32; got {text!r}")
    return [int(word) for word in words]


def precisions_in(text: str) -> list[Any]:
    """The number formats of a comma-separated list."""
    from covpool.evaluation.predict import Precision

    words = names_in(text)
    if not words or set(words) - set(get_args(Precision)):
        raise ValueError(f"--precisions needs {' or '.join(get_args(Precision))}, with commas; got {text!r}")
    return words


def trained(paths: str) -> list[tuple[str, Any, int]]:
    """Name, network and image size of runs and files of weights."""
    from covpool.models.restore import restore_network

    found = []
    for path in names_in(paths):
        network, about = restore_network(path)
        place = Path(path).resolve()
        found.append(
            (place.name if place.is_dir() else place.stem, network, preprocessing_of(network, about).image_size)
        )
    return found


def measure(subjects: Sequence[tuple[str, Any, int]], options: Namespace, device: Any) -> dict[str, Any]:
    """The facts of every network: parameters, operations, and a row a batch size and number format."""
    import torch

    from covpool.evaluation import speed, stamp
    from covpool.evaluation.flops import forward_flops

    rows = []
    for name, network, side in subjects:
        tell(f"timing {name}")
        fixed = {
            "name": name,
            "image_size": side,
            "parameters": sum(p.numel() for p in network.parameters()),
            "flops": forward_flops(network.to(device), torch.zeros(1, 3, side, side, device=device)),
        }
        found = speed(
            network,
            side,
            batch_sizes=sizes_in(options.batch_sizes),
            precisions=precisions_in(options.precisions),
            repeats=options.repeats,
            device=device,
        )
        rows += [{**fixed, **each.to_dict()} for each in found]
    return {"schema": SCHEMA, **stamp(), "device": str(device), "repeats": options.repeats, "rows": rows}


_COLUMNS = (
    Column("name", "name", numeric=False),
    Column("precision", "precision", numeric=False),
    Column("batch_size", "batch"),
    Column("images_per_second", "images/s", numeric=False),
    Column("p50", "ms a batch: p50"),
    Column("p90", "p90"),
    Column("p99", "p99"),
    Column("peak_memory_mb", "MB"),
    Column("flops", "FLOPs/image"),
    Column("parameters", "params"),
)


def table(record: dict[str, Any]) -> Table:
    """One row a measurement."""
    return Table(_COLUMNS, [_cells(row) for row in record["rows"]])


def _cells(row: dict[str, Any]) -> list[Cell]:
    named = row["latency_ms"] or {}
    spread = row["images_per_second_spread"]
    beside = "" if spread is None else f"[{', '.join(map(three_digits, spread))}]"
    fits = row["images_per_second"] is not None
    return [
        Cell(row["name"], row["name"]),
        Cell(row["precision"], row["precision"]),
        Cell(count(row["batch_size"]), row["batch_size"]),
        Cell(three_digits(row["images_per_second"]) if fits else "out of memory", row["images_per_second"], beside),
        *(Cell(three_digits(named.get(p)), named.get(p)) for p in ("p50", "p90", "p99")),
        Cell(three_digits(row["peak_memory_mb"]), row["peak_memory_mb"]),
        Cell(short(row["flops"]), row["flops"]),
        Cell(short(row["parameters"]), row["parameters"]),
    ]
