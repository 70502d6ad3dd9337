"""``covpool search``: the stored pictures that are nearest to given ones."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from jsonargparse import Namespace

from covpool.cli.errors import FINE, Usage
from covpool.cli.images import image_files, image_sets, preprocessing_of, set_of_files
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
        "search",
        "Find the stored pictures that are nearest to given ones: exact, equal scores in the order of the index. "
        "--index is what covpool embed wrote with the same weights. --sheet draws the pictures; it looks their names "
        "up among the pictures of --data and opens nothing else.",
        examples=[
            "covpool search photo.jpg --index photos.npy --weights runs/first",
            "covpool search new/ --index photos.npy --weights runs/first --format json --output near.json",
            "covpool search photo.jpg --index photos.npy --weights runs/first --data photos/ --sheet near.png",
        ],
        needs=["images", "index", "weights"],
        check=_mistakes,
    )
    parser.add_argument("images", nargs="*", metavar="IMAGE", help="image files, folders, or patterns in quotes")
    parser.add_argument("--index", type=str | None, metavar="FILE", help="the .npy or .parquet of covpool embed")
    parser.add_argument("--weights", type=str | None, metavar="RUN", help="the network that made the index")
    parser.add_argument("--top-k", type=int, default=10, help="how many pictures for each image")
    parser.add_argument(
        "--metric", choices=["cosine", "dot", "euclid"], default="cosine", help="euclid: minus the squared distance"
    )
    parser.add_argument("--backend", choices=["torch", "faiss"], default="torch", help="the same ranks by either")
    parser.add_argument("--format", choices=["table", "json"], default="table", help="what to write")
    parser.add_argument("--data", type=str | None, metavar="PATH", help="for --sheet: the images of the index")
    parser.add_argument("--unlabelled", action="store_true", help="--data was embedded with --unlabelled")
    parser.add_argument("--sheet", type=str | None, metavar="FILE", help="draw queries and finds to this .png")
    add_output(parser, "what was found")
    add_machine(parser, batch_size=32)
    add_bad_image(parser)
    add_quiet(parser)
    return parser


def _mistakes(options: Namespace) -> list[str]:
    found = [*output_mistakes(options, "output", "sheet"), *at_least(options, top_k=1, batch_size=1, workers=0)]
    if options.sheet is None:
        return found
    if not options.sheet.endswith(".png"):
        found.append(f"--sheet needs to end in .png; got {options.sheet}")
    if options.data is None:
        found.append("--sheet needs --data, the images of the index")
    return found


def run(options: Namespace) -> int:
    """Embed the queries, search, write."""
    from covpool.evaluation.retrieval import open_vectors, search

    files = image_files(options.images)
    index = open_vectors(options.index)
    queries, kept = _queries(options, files, index)
    k = min(options.top_k, len(index))
    near = search(queries, index.vectors, k, metric=options.metric, backend=options.backend)
    rows = [
        {"image": str(files[file]), "found": [_row(index, int(i), float(s)) for i, s in zip(at, scores, strict=True)]}
        for file, at, scores in zip(kept, near.indices, near.scores, strict=True)
    ]
    write_result(json.dumps(rows, indent=1) + "\n" if options.format == "json" else table(rows), options.output)
    if options.sheet:
        _draw(options, rows)
    return FINE


def _queries(options: Namespace, files: Sequence[Path], index: Any) -> tuple[Any, list[int]]:
    """The queries' vectors, made as those of the index, and which files they are."""
    import numpy as np

    from covpool.data import eval_loader, eval_transform
    from covpool.evaluation.fingerprint import fingerprint
    from covpool.evaluation.retrieval import embed, prepared
    from covpool.models.restore import restore_network

    mine, theirs = fingerprint(options.weights), index.about.get("weights")
    if theirs != mine and (not isinstance(theirs, dict) or theirs.get("sha256") != mine["sha256"]):
        raise Usage([f"{options.index} was made with other weights than {options.weights}; embed the pictures again"])
    network, about = restore_network(options.weights)
    loader = eval_loader(
        set_of_files(files),
        eval_transform(preprocessing_of(network, about)),
        batch_size=options.batch_size,
        workers=options.workers,
        on_bad_image=options.on_bad_image,
    )
    layer: Literal["pooled", "head"] = "pooled" if index.about.get("layer") == "pooled" else "head"
    with counting("embedding", options.quiet) as progress:
        batches = list(embed(network, loader, layer=layer, device=options.device, progress=progress))
    for key, reason in loader.skipped:
        tell(f"skipped {key}: {reason}")
    if not batches:
        raise ValueError("there is nothing to search for; every image was broken")
    vectors = np.concatenate([batch.vectors for batch in batches])
    kept = [int(i) for batch in batches for i in batch.indices]
    return prepared(vectors, index.whitening, bool(index.about.get("normalized"))), kept


def _row(index: Any, row: int, score: float) -> dict[str, Any]:
    return {"row": row, "key": index.keys[row], "class": index.class_of(row), "score": score}


def table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Lines of rank, score, class and key under each image; signs that steer a terminal are spelled out.

    Example:
        >>> print(table([{"image": "a.png", "found": [{"key": "b.png", "class": "cat", "score": 0.5}]}]), end="")
        a.png
            1  0.500000  cat  b.png
    """
    lines = []
    for row in rows:
        width = max((len(plain(found["class"])) for found in row["found"]), default=0)
        lines.append(plain(row["image"]))
        for rank, found in enumerate(row["found"], start=1):
            name = plain(found["class"]).ljust(width)
            lines.append(f"{rank:>5}  {found['score']:.6f}  {name + '  ' if width else ''}{plain(found['key'])}")
    return "".join(f"{line}\n" for line in lines)


def plain(text: str) -> str:
    """Text with control signs written out: a name in an index must not steer the terminal.

    Example:
        >>> plain("a" + chr(27) + "[2J")
        'a\\\\x1b[2J'
    """
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def _draw(options: Namespace, rows: Sequence[Mapping[str, Any]]) -> None:
    """The sheet: a row for each image, the image first."""
    from covpool.data.inspect.sheet import found_sheet

    sets = image_sets(options.data, "all", unlabelled=options.unlabelled)
    keys = [[_kept_inside(found["key"], options.data) for found in row["found"]] for row in rows]
    sheet, missing = found_sheet([(Path(row["image"]), of) for row, of in zip(rows, keys, strict=True)], sets)
    if missing:
        tell(f"{len(missing)} pictures of the index are not in {options.data} and stay empty: {plain(missing[0])}, ...")
    path = Path(options.sheet)
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path)
    tell(f"wrote {path}")


def _kept_inside(key: str, data: str) -> str:
    """The key, or a note that is none where a link leads out of the folder of the data to its picture."""
    top = Path(data).expanduser().resolve()
    lies = (top / key).resolve()
    return key if not lies.exists() or lies.is_relative_to(top) else f"{key} (out of {data})"
