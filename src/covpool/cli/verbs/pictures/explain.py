"""``covpool explain``: where a network looked, and which pairs of channels decided."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jsonargparse import Namespace

from covpool.cli.errors import FINE, Failure, Usage
from covpool.cli.images import image_files, preprocessing_of
from covpool.cli.options import add_output, add_quiet, at_least, folder_mistakes, output_mistakes, tell, write_result
from covpool.cli.parser import Parser
from covpool.cli.progress import counting

_DEFAULT = "explained.html"
_MOST = 200  # pictures of one page


def build() -> Parser:
    """The command line."""
    parser = Parser(
        "explain",
        "Show where in a picture the score of a class comes from, and which pairs of channels decide it: for "
        "covariance heads the exact contribution of each position, for average pooling the class-activation map. "
        "--against puts a second network beside the first. Writes one HTML page, and on demand PNG files and JSON.",
        examples=[
            "covpool explain photo.jpg --weights runs/isqrt",
            "covpool explain photos/ --weights runs/isqrt --against runs/avg --class heron --png maps/",
        ],
        needs=["images", "weights"],
        check=_check,
    )
    parser.add_argument("images", nargs="*", metavar="IMAGE", help="image files, folders, or patterns in quotes")
    parser.add_argument("--weights", type=str | None, metavar="RUN", help="a run folder, a .pt or a .safetensors file")
    parser.add_argument("--against", type=str | None, metavar="RUN", help="a second network, beside the first")
    parser.add_argument(
        "--class",
        dest="target",
        type=str | None,
        metavar="NAME",
        help="explain the score of this class; default: of the one that --weights predicts, for both networks",
    )
    parser.add_argument("--pairs", type=int, default=6, help="how many pairs of channels")
    parser.add_argument("--png", type=str | None, metavar="FOLDER", help="also write a PNG for each picture there")
    parser.add_argument("--json", type=str | None, metavar="FILE", help="also write all numbers there")
    add_output(parser, "the page", default=_DEFAULT)
    add_quiet(parser)
    return parser


def _check(options: Namespace) -> list[str]:
    return [
        *output_mistakes(options, "output", "json"),
        *folder_mistakes("--png", options.png, force=True),
        *at_least(options, pairs=0),
    ]


def run(options: Namespace) -> int:
    """Explain every picture; write the page and what else is asked for."""
    from covpool.models.restore import restore_network
    from covpool.reporting.explanation import SCHEMA, render_explanation, sheet

    files = image_files(options.images)
    if len(files) > _MOST:
        raise Usage([f"explain shows at most {_MOST} images on a page; got {len(files)}. Name fewer"])
    networks = [_Judge(path, *restore_network(path)) for path in (options.weights, options.against) if path]
    with counting("explaining", options.quiet) as progress:
        pictures = [_explained(file, networks, options, progress, place, files) for place, file in enumerate(files)]
    found = {"schema": SCHEMA, "pictures": pictures, "facts": _facts(networks, options)}
    if options.png:
        for one, path in zip(pictures, _png_paths(files, Path(options.png)), strict=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            sheet(one).save(path)
        tell(f"wrote {len(pictures)} PNG to {options.png}")
    if options.json:
        write_result(json.dumps(found, indent=1) + "\n", options.json)
    write_result(render_explanation(found), options.output)
    return FINE


class _Judge:
    """A network with its classes and its way of preparing pictures."""

    def __init__(self, path: str, network: Any, about: Mapping[str, Any]) -> None:
        from covpool.data import ImageTransform
        from covpool.data.transforms.evaluation import rgb_geometry
        from covpool.data.transforms.protocols.table import protocols

        self.name, self.network = Path(path).name or path, network
        self.classes = list(about.get("classes") or map(str, range(network.num_classes)))
        preprocessing = preprocessing_of(network, about)
        self.transform = ImageTransform(rgb_geometry(preprocessing), preprocessing, is_random=False)
        self.protocol = None if preprocessing.protocol is None else protocols.get(preprocessing.protocol)
        self.pool = " + ".join(str(network.architecture[key]) for key in ("backbone", "pool"))

    def prepared(self, pixels: Any) -> Any:
        """Pixels (S, S, 3), red first -> what the network is given, (3, S, S)."""
        import torch

        swapped = pixels[..., ::-1] if self.protocol is not None and self.protocol.is_bgr else pixels
        return self.transform.normalize(torch.from_numpy(swapped.copy()))

    @property
    def views(self) -> int:
        """How many views of a picture its protocol averages; the first is explained."""
        return 1 if self.protocol is None else self.protocol.views

    def index(self, name: str) -> int:
        """The output of a class."""
        from covpool.registry import unknown

        if name not in self.classes:
            raise Usage([f"{self.name}: {unknown('class', name, self.classes)}"])
        return self.classes.index(name)


def _explained(
    file: Path, networks: Sequence[_Judge], options: Namespace, progress: Any, place: int, files: Sequence[Path]
) -> dict[str, Any]:
    """One picture by every network; the class is the asked one, or the first network's choice."""
    from covpool.data import decode
    from covpool.data.errors import CorruptImage

    try:
        image = decode(file.read_bytes(), str(file))
    except CorruptImage as error:
        raise Failure(f"broken picture {str(file)!r}: {error.reason}; leave it out") from error
    views: list[dict[str, Any]] = []
    for judge in networks:
        wanted = options.target or (views[0]["class"] if views else None)
        views.append(_view(judge, image, None if wanted is None else judge.index(wanted), options.pairs))
    if progress is not None:
        progress(place + 1, len(files))
    return {"image": str(file), "views": views}


def _view(judge: _Judge, image: Any, target: int | None, pairs: int) -> dict[str, Any]:
    import numpy as np
    from PIL import Image

    from covpool.evaluation.explain import explain, record
    from covpool.reporting.drawing.heat import data_uri

    pixels = judge.transform.pixels(image)
    found = explain(judge.network, judge.prepared(pixels), target, pairs=pairs)
    seen = Image.fromarray(np.clip(np.round(pixels), 0, 255).astype(np.uint8))
    return {"name": judge.name, "pool": judge.pool, "picture": data_uri(seen), **record(found, judge.classes)}


def _facts(networks: Sequence[_Judge], options: Namespace) -> dict[str, str]:
    from covpool.evaluation.stamp import stamp

    made = stamp()
    sides = [path for path in (options.weights, options.against) if path]
    return {
        **{f"network {judge.name}": f"{path}: {judge.pool}" for judge, path in zip(networks, sides, strict=True)},
        **{
            f"picture of {judge.name}": f"the first of the {judge.views} views that its protocol averages"
            for judge in networks
            if judge.views > 1
        },
        "class": options.target or f"as {networks[0].name} predicts",
        "made": str(made.get("date", "")).replace("T", " "),
        "covpool": str(made.get("version", "")),
    }


def _png_paths(files: Sequence[Path], folder: Path) -> list[Path]:
    """A name for each picture, numbered where two have the same."""
    taken: dict[str, int] = {}
    paths = []
    for file in files:
        again = taken[file.stem] = taken.get(file.stem, 0) + 1
        paths.append(folder / f"{file.stem}{f'-{again}' if again > 1 else ''}.png")
    return paths
