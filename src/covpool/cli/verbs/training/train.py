"""``covpool train``: a recipe, some overrides, a run folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from jsonargparse import Namespace, set_parsing_settings
from jsonargparse.typing import register_type

from covpool.cli.errors import FAILED, FINE, INTERRUPTED, TERMINATED
from covpool.cli.options import (
    add_machine,
    add_quiet,
    at_least,
    commanded_images,
    dated_folder,
    folder_mistakes,
    names_in,
    noting,
    seconds_in,
    tell,
    write_result,
)
from covpool.cli.parser import Parser
from covpool.cli.progress import listening
from covpool.recipes import Choice, Recipe, find_recipe
from covpool.recipes.expected import expected_result
from covpool.registry import unknown

_SHORT = {"epochs": "schedule.epochs", "steps": "schedule.steps", "batch_size": "loader.batch_size"}
_LOGGERS = ("tensorboard", "csv", "wandb", "trackio")
_PLACES = ("recipe", "run", "resume", "resume_if_there", "devices", "strategy", "device")
_OWN = (*_PLACES, "download", *_SHORT, "time_limit", "log", "quiet", "given")


def build() -> Parser:
    """The command line: the verb's own options, then every field of a recipe."""
    set_parsing_settings(docstring_parse_attribute_docstrings=True)
    register_type(Choice, serializer=str, deserializer=Choice.parse, fail_already_registered=False)
    parser = Parser(
        "train",
        "Train a network by a recipe: a name of covpool recipes list, or a YAML file. Any field of the recipe can be "
        "overridden below; what is not given comes from the recipe, or without a recipe from the defaults shown. The "
        "run folder keeps the recipe, the journal, summary.csv, TensorBoard events, checkpoints and result.json. "
        "Ctrl-C, or the end of --time-limit, saves, and --resume goes on from there with the very same numbers. A run "
        "that meets a loss or a gradient that is no number stops and says where it came from (covpool doctor).",
        examples=[
            "covpool train small/digits --run runs/first",
            "covpool train finetune/modern --data PATH --network.backbone resnet18 --optimizer.lr 1e-4",
            "covpool train mine.yaml --data PATH --network.pool 'isqrt(steps=3)' --epochs 30",
            "covpool train mine.yaml --steps 20000 --schedule.evaluate_every_steps 500 --schedule.patience 5",
            "covpool train --resume runs/first --time-limit 30m",
            "covpool train mine.yaml --devices 2",
            "covpool train mine.yaml --devices 4 --strategy fsdp",
        ],
        check=_check,
    )
    _add_places(parser)
    parser.add_argument("--download", action="store_true", help="fetch a known set or weights that are not here yet")
    _add_lengths(parser)
    add_machine(parser, batch_size=None)
    add_quiet(parser)
    parser.add_class_arguments(Recipe, None, skip={"name", "source"})
    return parser


def _add_places(parser: Parser) -> None:
    """Which recipe, which run, which processes."""
    parser.add_argument("recipe", nargs="?", help="the name of a recipe, or a .yaml file")
    parser.add_argument(
        "--run", type=str | None, metavar="DIR", help="the run folder to make (default: runs/RECIPE-DATE-TIME)"
    )
    parser.add_argument("--resume", type=str | None, metavar="RUN", help="go on with the run in this folder")
    parser.add_argument(
        "--resume-if-there",
        action="store_true",
        help="go on with the run in --run where there is one, else begin it: one command to start and to restart",
    )
    parser.add_argument(
        "--devices",
        type=int,
        default=1,
        metavar="N",
        help="processes on this machine that share every batch, each with an accelerator where there are some; "
        "torchrun and srun start their own",
    )
    parser.add_argument(
        "--strategy",
        choices=("ddp", "fsdp"),
        default="ddp",
        help="of several processes: ddp gives each all parameters; fsdp shares them out, with gradients, optimizer, "
        "average and checkpoints, for networks that do not fit. The numbers are the same",
    )


def _add_lengths(parser: Parser) -> None:
    """How long, and what is kept beside."""
    parser.add_argument("--epochs", type=int | None, help="short for --schedule.epochs")
    parser.add_argument("--steps", type=int | None, help="short for --schedule.steps")
    parser.add_argument("--batch-size", type=int | None, help="short for --loader.batch_size")
    parser.add_argument(
        "--time-limit",
        type=str | None,
        metavar="TIME",
        help="stop after the step at work when this time (90s, 30m, 8h) is over, and save; --resume goes on",
    )
    parser.add_argument(
        "--log",
        type=str,
        default="tensorboard",
        metavar="NAMES",
        help="where curves go beside journal and summary.csv: tensorboard, csv, wandb, trackio, with commas; none",
    )


def _check(options: Namespace) -> list[str]:
    if options.resume and options.run:
        return ["--resume goes on in its own folder; drop --run"]
    if options.resume and options.recipe:
        return ["--resume follows the recipe of its run; drop the recipe"]
    mistakes = at_least(options, devices=1)
    if options.resume_if_there:
        mistakes += [] if options.run and options.recipe else ["--resume-if-there needs a recipe and --run"]
    else:
        mistakes += folder_mistakes("--run", options.run)
    with noting(mistakes):
        seconds_in("--time-limit", options.time_limit)
    mistakes += [unknown("logger", name, _LOGGERS) for name in _loggers(options) if name not in _LOGGERS]
    with noting(mistakes):
        _recipe(options)
    return mistakes


def run(options: Namespace) -> int:
    """Train; on Ctrl-C, and when the time is over, say how to go on."""
    recipe = _recipe(options)
    folder = Path(options.resume or options.run or dated_folder(recipe.name if recipe else ""))
    if recipe is not None and _is_first():
        tell(_outline(recipe))
        tell(f"expected result: {expected_result(recipe)}")
    from covpool.training import NonFiniteLoss, train

    given = {
        "images": commanded_images(options, recipe),
        "resume": "if-there" if options.resume_if_there else options.resume is not None,
        "download": options.download,
        "device": options.device,
        "time_limit": seconds_in("--time-limit", options.time_limit),
        "log": _loggers(options),
        "devices": options.devices,
        "strategy": options.strategy,
    }
    try:
        with listening(options.quiet or not _is_first(), table=True) as listen:
            outcome = train(recipe, folder, listen=listen, **given)
    except NonFiniteLoss as error:
        if _is_first() or error.alone:
            raise
        return FAILED  # the first process says it for all
    return _say_how_it_ended(outcome, options)


def _say_how_it_ended(outcome: Any, options: Namespace) -> int:
    code = {"asked": INTERRUPTED, "terminated": TERMINATED}.get(outcome.ending, FINE)
    if not _is_first():
        return code
    folder = outcome.run
    if outcome.ending == "time-limit":
        tell(f"the time limit of {options.time_limit} is over; go on with: covpool train --resume {folder}")
        write_result(f"{folder}\n", None)
        return FINE
    if outcome.interrupted:
        tell(f"interrupted; go on with: covpool train --resume {folder}")
        return code
    write_result(f"{folder}\n", None)
    return FINE


def _is_first() -> bool:
    """Whether this process is the one of several, started by torchrun or srun, that talks."""
    by_srun = os.environ.get("SLURM_PROCID") if "SLURM_STEP_ID" in os.environ else None
    return os.environ.get("RANK", by_srun) in (None, "0")


def _loggers(options: Namespace) -> list[str]:
    return [name for name in names_in(options.log) if name != "none"]


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
