"""``covpool train``: a recipe, some overrides, a run folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jsonargparse import Namespace, set_parsing_settings
from jsonargparse.typing import register_type

from covpool.cli.errors import FINE, INTERRUPTED
from covpool.cli.options import add_machine, add_quiet, dated_folder, folder_mistakes, noting, tell, write_result
from covpool.cli.parser import Parser
from covpool.cli.progress import listening
from covpool.recipes import Choice, Recipe, find_recipe

_OWN = ("recipe", "run", "resume", "download", "epochs", "batch_size", "device", "quiet", "given")
_SHORT = {"epochs": "schedule.epochs", "batch_size": "loader.batch_size"}


def build() -> Parser:
    """The command line: the verb's own options, then every field of a recipe."""
    set_parsing_settings(docstring_parse_attribute_docstrings=True)
    register_type(Choice, serializer=str, deserializer=Choice.parse, fail_already_registered=False)
    parser = Parser(
        "train",
        "Train a network by a recipe: a name of covpool recipes list, or a YAML file. Any field of the recipe can be "
        "overridden below; what is not given comes from the recipe, or without a recipe from the defaults shown. The "
        "run folder keeps the recipe, the journal, summary.csv, TensorBoard events, checkpoints and result.json. "
        "Ctrl-C saves, and --resume goes on from there with the very same numbers.",
        examples=[
            "covpool train small/digits --run runs/first",
            "covpool train finetune/modern --data PATH --network.backbone resnet18 --optimizer.lr 1e-4",
            "covpool train mine.yaml --data PATH --network.pool 'isqrt(steps=3)' --epochs 30",
            "covpool train --resume runs/first",
        ],
        check=_check,
    )
    parser.add_argument("recipe", nargs="?", help="the name of a recipe, or a .yaml file")
    parser.add_argument(
        "--run", type=str | None, metavar="DIR", help="the run folder to make (default: runs/RECIPE-DATE-TIME)"
    )
    parser.add_argument("--resume", type=str | None, metavar="RUN", help="go on with the run in this folder")
    parser.add_argument("--download", action="store_true", help="fetch a known data set that is not here yet")
    parser.add_argument("--epochs", type=int | None, help="short for --schedule.epochs")
    parser.add_argument("--batch-size", type=int | None, help="short for --loader.batch_size")
    add_machine(parser, batch_size=None)
    add_quiet(parser)
    parser.add_class_arguments(Recipe, None, skip={"name", "source"})
    return parser


def _check(options: Namespace) -> list[str]:
    if options.resume and options.run:
        return ["--resume goes on in its own folder; drop --run"]
    if options.resume and options.recipe:
        return ["--resume follows the recipe of its run; drop the recipe"]
    mistakes = folder_mistakes("--run", options.run)
    with noting(mistakes):
        _recipe(options)
    return mistakes


def run(options: Namespace) -> int:
    """Train; on Ctrl-C say how to go on."""
    recipe = _recipe(options)
    folder = Path(options.resume or options.run or dated_folder(recipe.name if recipe else ""))
    if recipe is not None:
        tell(_outline(recipe))
    from covpool.training import train

    with listening(options.quiet) as listen:
        outcome = train(
            recipe,
            folder,
            resume=options.resume is not None,
            listen=listen,
            download=options.download,
            device=options.device,
        )
    if outcome.interrupted:
        tell(f"interrupted; go on with: covpool train --resume {folder}")
        return INTERRUPTED
    write_result(f"{folder}\n", None)
    return FINE


def _recipe(options: Namespace) -> Recipe | None:
    """The recipe with its overrides; None where a run is resumed as it was begun."""
    overrides = _overrides(options)
    if options.resume:
        if not overrides:
            return None
        start = find_recipe(Path(options.resume) / "recipe.yaml")
    else:
        start = find_recipe(options.recipe) if options.recipe else Recipe(name="own")
    return Recipe.from_dict(_merged(start.to_dict(), overrides))


def _overrides(options: Namespace) -> dict[str, Any]:
    """Dotted name -> value of every recipe field that was given."""
    given = {name: options[name] for name in options.given if name not in _OWN}
    return given | {_SHORT[name]: options[name] for name in options.given if name in _SHORT}


def _merged(data: dict[str, Any], overrides: dict[str, Any]) -> dict[str, Any]:
    for dotted, value in overrides.items():
        *path, last = dotted.split(".")
        place = data
        for name in path:
            place = place[name]
        place[last] = value
    return data


def _outline(recipe: Recipe) -> str:
    """The recipe in a few lines: a line a section, without what is left to its default of none."""
    plain = recipe.to_dict()
    sections = {key: value for key, value in plain.items() if isinstance(value, dict)}
    single = {key: value for key, value in plain.items() if key not in (*sections, "name", "source")}
    sections = {f"recipe {recipe.name}": single} | sections
    return "\n".join(f"{title}: {_fields(fields)}" for title, fields in sections.items())


def _fields(fields: dict[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in fields.items() if value not in (None, False, {}, [], ""))
