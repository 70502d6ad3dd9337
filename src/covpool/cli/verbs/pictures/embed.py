"""``covpool embed``: the vectors of pictures, for a search or a vector store."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jsonargparse import Namespace

from covpool.cli.errors import FINE
from covpool.cli.images import SPLITS, image_sets, preprocessing_of
from covpool.cli.options import add_bad_image, add_data, add_machine, add_quiet, at_least, output_mistakes, tell
from covpool.cli.parser import Parser
from covpool.cli.progress import counting
from covpool.reporting.numerals import count, percent


def build() -> Parser:
    """The command line."""
    parser = Parser(
        "embed",
        "Write the vectors of images by a trained network: the pooled vector, or the embedding where the head has "
        "one. A .npy gets a .csv of keys and labels and a .json of facts beside it; a .parquet holds all of it. The "
        "images are prepared as in the network's training.",
        examples=[
            "covpool embed runs/first --data photos/ -o photos.npy",
            "covpool embed runs/first --data cub-200-2011-zeroshot:PATH --split test --pca 512 -o birds.npy",
            "covpool embed runs/first --data photos/ --unlabelled --normalize --float16 -o photos.parquet",
        ],
        needs=["network", "data", "output"],
        check=_mistakes,
    )
    parser.add_argument("network", nargs="?", metavar="RUN", help="a run folder, a .pt or a .safetensors file")
    add_data(parser, val=False)
    parser.add_argument(
        "--split", choices=["all", *SPLITS], default="all", help="which images of --data; of zero-shot sets judge test"
    )
    parser.add_argument(
        "--unlabelled", action="store_true", help="--data is a folder of images at any depth, without classes"
    )
    _add_vectors(parser)
    parser.add_argument("-o", "--output", type=str | None, metavar="FILE", help="the vectors: .npy or .parquet")
    parser.add_argument("--force", action="store_true", help="let --output replace a file")
    add_machine(parser, batch_size=64)
    add_bad_image(parser)
    add_quiet(parser)
    return parser


def _add_vectors(parser: Parser) -> None:
    parser.add_argument(
        "--layer",
        choices=["head", "pooled"],
        default="head",
        help="what the classifier sees (the embedding where there is one), or always the pooled vector",
    )
    parser.add_argument("--pca", type=int | None, metavar="N", help="reduce to N main directions and whiten them")
    parser.add_argument("--no-whiten", action="store_true", help="with --pca: do not divide by the deviations")
    parser.add_argument(
        "--pca-data", type=str | None, metavar="PATH", help="fit --pca on these images; without it on those of --data"
    )
    parser.add_argument("--pca-split", choices=["all", *SPLITS], default="train", help="fit --pca on this split")
    parser.add_argument("--normalize", action="store_true", help="give each vector length 1, after --pca")
    parser.add_argument("--float16", action="store_true", help="store 16 bits a number")


def _mistakes(options: Namespace) -> list[str]:
    found = [*output_mistakes(options), *at_least(options, batch_size=1, workers=0, pca=1)]
    if options.output is not None and not options.output.endswith((".npy", ".parquet")):
        found.append(f"--output needs to end in .npy or .parquet; got {options.output}")
    given = options.get("given", [])
    if options.pca is None:
        strange = [name for name in ("no_whiten", "pca_data", "pca_split") if name in given]
        found += [f"--{name.replace('_', '-')} goes with --pca N" for name in strange]
    elif options.unlabelled and options.pca_data is None and "pca_split" not in given:
        options.pca_split = "all"  # there is nothing else
    if options.unlabelled and options.split != "all":
        found.append("--unlabelled has no splits; leave out --split")
    return found


def run(options: Namespace) -> int:
    """Embed and write."""
    from covpool.data import eval_loader, eval_transform
    from covpool.evaluation.fingerprint import fingerprint
    from covpool.evaluation.retrieval import store_vectors
    from covpool.models.restore import restore_network

    network, about = restore_network(options.network)
    preprocessing = preprocessing_of(network, about)
    transform = eval_transform(preprocessing)

    def loaders(sets: list[Any]) -> list[Any]:
        reading = {"batch_size": options.batch_size, "workers": options.workers, "on_bad_image": options.on_bad_image}
        return [eval_loader(images, transform, **reading) for images in sets]

    sets = image_sets(options.data, options.split, unlabelled=options.unlabelled, download=options.download)
    tell(f"{options.data}: {count(sum(map(len, sets)))} images ({options.split})")
    whitening, fitted = (None, None) if options.pca is None else _fit(options, network, loaders)
    with counting("embedding", options.quiet) as progress:
        note = store_vectors(
            network,
            loaders(sets),
            options.output,
            layer=options.layer,
            whitening=whitening,
            normalize=options.normalize,
            half=options.float16,
            device=options.device,
            about={
                "weights": fingerprint(options.network),
                "preprocessing": preprocessing.to_dict(),
                "data": options.data,
                "split": options.split,
                "whitening_fitted_on": fitted,
            },
            progress=progress,
        )
    for key, reason in note["skipped"]:
        tell(f"skipped {key}: {reason}")
    tell(f"wrote {options.output}: {count(sum(map(len, sets)) - len(note['skipped']))} vectors")
    return FINE


def _fit(options: Namespace, network: Any, loaders: Any) -> tuple[Any, dict[str, Any]]:
    """The whitening of the training images, whose vectors lie on the disk meanwhile."""
    from covpool.evaluation.retrieval import embedded, fit_whitening, on_disk

    place = options.pca_data or options.data
    unlabelled = options.unlabelled and options.pca_data is None
    sets = image_sets(place, options.pca_split, unlabelled=unlabelled, download=options.download)
    folder = Path(options.output).parent
    folder.mkdir(parents=True, exist_ok=True)
    with counting("embedding for the PCA", options.quiet) as progress:
        batches = embedded(network, loaders(sets), layer=options.layer, device=options.device, progress=progress)
        with on_disk(batches, folder) as vectors:
            found = fit_whitening(vectors, options.pca, whiten=not options.no_whiten)
            rows, length = vectors.shape
    tell(
        f"PCA of {count(rows)} vectors of {place} ({options.pca_split}): {count(options.pca)} of {count(length)} "
        f"directions keep {percent(found.kept)} % of the variance"
    )
    return found, {"data": place, "split": options.pca_split, "vectors": rows, "length": length}
