"""``covpool weights``: published files of weights in, shown, checked and out again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jsonargparse import Namespace

from covpool.cli.errors import FAILED, FINE, Usage
from covpool.cli.options import folder_mistakes, output_mistakes, tell, write_result
from covpool.cli.parser import Parser
from covpool.reporting.numerals import count
from covpool.reporting.tables import Cell, Column, Table

_ACTIONS = ("show", "import", "verify", "export")
_NEEDS = {"show": (), "import": ("as", "output"), "verify": ("golden",), "export": ("to", "output")}
_TAKES = {
    "show": set(),
    "import": {"as", "dialect", "output", "force"},
    "verify": {"golden", "tolerance"},
    "export": {"to", "output", "force", "push"},
}
_PROGRAMS = {"onnx": "export_onnx", "program": "export_program"}
_FLAGS = {"as": "--as NAME", "golden": "--golden FILE", "to": "--to FORM", "output": "--output FILE"}


def build() -> Parser:
    """The command line."""
    parser = Parser(
        "weights",
        "Read a file of weights: PyTorch, safetensors, TensorFlow 1 and 2, Keras .h5, MatConvNet .mat, MindSpore "
        ".ckpt; none of these frameworks is needed and nothing in the file is run. show lists what is in it; import "
        "makes a published network of it, in one .safetensors file that covpool evaluate and predict take; verify "
        "compares such a file with logits that the official code gave; export writes it as another release does, as an "
        "ONNX file or torch program (compared with the network), or as a folder of the Hugging Face Hub.",
        examples=[
            "covpool weights show FILE",
            "covpool weights import FILE --as threeg/resnet50 -o r50-3g.safetensors",
            "covpool weights verify r50-3g.safetensors --golden logits.npz",
            "covpool weights export r50-3g.safetensors --to pytorch -o official.pth",
            "covpool weights export r50-3g.safetensors --to onnx -o r50-3g.onnx",
        ],
        needs=["action", "file"],
        check=_mistakes,
    )
    parser.add_argument("action", nargs="?", choices=_ACTIONS, help="what to do: " + ", ".join(_ACTIONS))
    parser.add_argument("file", nargs="?", help="a file of weights; of a TensorFlow checkpoint any part, or its folder")
    parser.add_argument("--as", type=str | None, metavar="NAME", help="import: the network, see covpool networks")
    parser.add_argument(
        "--dialect", type=str | None, metavar="NAME", help="import: how the file is written; without it that is told"
    )
    parser.add_argument(
        "--output", "-o", type=str | None, metavar="FILE", help="import: a .safetensors file; export: by its suffix"
    )
    parser.add_argument("--force", action="store_true", help="let --output replace a file")
    parser.add_argument(
        "--golden",
        type=str | None,
        metavar="FILE",
        help="verify: an .npz with logits, and input (or input_name and input_shape, from which it is drawn)",
    )
    parser.add_argument("--tolerance", type=float, default=1e-4, help="verify: the largest relative error, in norm")
    parser.add_argument(
        "--to", type=str | None, metavar="FORM", help="export: onnx, program, hub, or a dialect such as pytorch"
    )
    parser.add_argument("--push", type=str | None, metavar="OWNER/NAME", help="export --to hub: upload it there too")
    return parser


def _mistakes(options: Namespace) -> list[str]:
    action = options.action
    if action not in _ACTIONS:
        return []
    found = [
        f"covpool weights {action} needs {_FLAGS[name]}; see covpool weights --help"
        for name in _NEEDS[action]
        if options[name] is None
    ]
    given = set(options.get("given", [])) - _TAKES[action]
    found += [f"covpool weights {action} takes no --{name}" for name in sorted(given)]
    if action == "import" and options.output and not options.output.endswith(".safetensors"):
        found.append(f"--output needs to end in .safetensors for import; got {options.output}")
    if options.push and options.to != "hub":
        found.append("--push goes with --to hub")
    if options.to == "hub":
        return found + folder_mistakes("--output", options.output, force=options.force)
    return found + output_mistakes(options)


def run(options: Namespace) -> int:
    """Show, import, verify or export."""
    return {"show": _show, "import": _import, "verify": _verify, "export": _export}[options.action](options)


def _show(options: Namespace) -> int:
    from covpool.models.restore import weights_file
    from covpool.weights.files import find_format

    is_run = (Path(options.file) / "recipe.yaml").is_file()
    file = weights_file(options.file) if is_run else options.file
    arrays = find_format(file)(file)
    columns = [Column(key, key, numeric=key == "numbers") for key in ("name", "shape", "numbers", "type")]
    rows, total = [], 0
    for name, one in arrays.stored.items():
        size = 1
        for length in one.shape:
            size *= length
        total += size
        shape = " x ".join(map(str, one.shape)) or "a number"
        rows.append([Cell(name), Cell(shape), Cell(count(size), size), Cell(one.dtype)])
    lines = [
        f"{file}: {arrays.format}, {count(len(rows))} arrays, {count(total)} numbers",
        f"written as: {_recognised(arrays)}",
        "",
        Table(columns, rows).to_text(),
    ]
    lines += [f"left out: {name} ({what})\n" for name, what in arrays.left_out.items()]
    write_result("\n".join(lines[:4]) + "".join(lines[4:]), None)
    return FINE


def _recognised(arrays: Any) -> str:
    """Which dialects know these names and shapes; the numbers stay in the file."""
    import torch

    from covpool.weights.systems import SYSTEMS

    names = arrays.order or list(arrays)
    keys = map(str, range(len(names))) if arrays.order else names
    shapes = {key: torch.empty(arrays.stored[name].shape, device="meta") for key, name in zip(keys, names, strict=True)}
    found = [
        f"{one.name} of {system}" for system, dialects in SYSTEMS.items() for one in dialects if one.recognises(shapes)
    ]
    return ", ".join(found) or "nothing that a published network knows"


def _import(options: Namespace) -> int:
    import covpool
    from covpool.data import Preprocessing
    from covpool.models import create_network, published_networks
    from covpool.models.restore import save_network
    from covpool.weights.files import digests, import_file

    name = options["as"]
    card = published_networks.get(name)
    path = Path(options.file)
    marks = digests(path) if path.is_file() else {}
    known = next((file for file in card.files if file.md5 and _is(file.md5, marks)), None)
    dialect = options.dialect or (known.dialect if known else None)
    state, ledger = import_file(path, name, dialect=dialect)
    network = create_network(name, **ledger.options)
    network.load_state_dict(state, strict=True)
    preprocessing = Preprocessing(image_size=card.input_size, **card.preprocessing).to_dict()
    about = {
        "preprocessing": preprocessing,
        "source": card.source,
        "weights": {"file": path.name, **marks, "dialect": ledger.dialect, "released_as": known and known.name},
        "version": covpool.__version__,
    }
    save_network(network, options.output, about)
    tell(f"{path.name}: {ledger} (as {ledger.dialect})")
    tell(f"it is {known.name} as it was released" if known else "no released file of this network has its checksum")
    tell(f"wrote {options.output}")
    return FINE


def _is(stated: str, marks: dict[str, str]) -> bool:
    """Whether a file is the one of a README: by its MD5, or the digits of the SHA-256 in the names of torch.hub."""
    return any(mark.startswith(stated.lower()) for mark in marks.values())


def _verify(options: Namespace) -> int:
    from covpool.models import restore_network
    from covpool.weights.files.golden import read_golden

    cases = read_golden(options.golden)
    network, _ = restore_network(options.file)
    worst = 0.0
    for case, golden in cases.items():
        for name, error in _errors(network, golden).items():
            worst = max(worst, error)
            write_result(f"{f'{case} {name}'.strip():<12} relative error {error:.2e}\n", None)
    close = worst <= options.tolerance
    write_result(f"{'the same network' if close else 'not the same'}: tolerance {options.tolerance:g}\n", None)
    return FINE if close else FAILED


def _errors(network: Any, golden: Any) -> dict[str, float]:
    import torch

    with torch.inference_mode():
        features = network.features(torch.from_numpy(golden.images))
        found = {"logits": network.forward_head(features).double()}
        weight = network.state_dict().get("head.classifier.weight")
        if "fc_response" in golden.expected and weight is not None:  # logits without the bias, which can drown them
            found["fc_response"] = network.forward_head(features, pre_logits=True).double() @ weight.double().T
    return {name: _relative(found[name], golden.expected[name]) for name in sorted(golden.expected.keys() & found)}


def _relative(got: Any, expected: Any) -> float:
    """Norm of the difference over the norm of what is expected; infinite where sizes differ or numbers are lost."""
    import torch

    wanted = torch.from_numpy(expected).double()
    if wanted.numel() != got.numel():
        return float("inf")
    error = float((got.flatten() - wanted.flatten()).norm() / wanted.norm())
    return error if error == error else float("inf")


def _export(options: Namespace) -> int:
    from covpool.models import restore_network

    network, about = restore_network(options.file)
    if options.to in _PROGRAMS:
        return _export_program(network, options)
    if options.to == "hub":
        return _export_hub(network, about, options)
    from covpool.models import published_networks
    from covpool.weights import export
    from covpool.weights.files import write_arrays

    if network.architecture["backbone"] not in published_networks:
        what = f"{options.file} is no published network (its backbone is {network.architecture['backbone']})"
        raise Usage(
            [f"{what}, so there is no release to write it as; --to takes {', '.join([*_PROGRAMS, 'hub'])} of it"]
        )
    arrays = export(network.state_dict(), network.architecture["backbone"], options.to)
    tell(f"wrote {write_arrays(arrays, options.output)}: {count(len(arrays))} arrays as {options.to}")
    return FINE


def _export_program(network: Any, options: Namespace) -> int:
    from covpool import models

    path = getattr(models, _PROGRAMS[options.to])(network, options.output)
    tell(f"wrote {path}; its logits are those of the network within {models.export.TOLERANCE:g}")
    return FINE


def _export_hub(network: Any, about: dict[str, Any], options: Namespace) -> int:
    from covpool.models import push_to_hub, save_pretrained

    tell(f"wrote {save_pretrained(network, options.output, about=about)}")
    if options.push:
        tell(f"uploaded: {push_to_hub(network, options.push, about=about)}")
    return FINE
