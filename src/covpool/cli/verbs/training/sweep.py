"""``covpool sweep``: try recipes until there are enough, and keep the best one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from jsonargparse import Namespace

from covpool.cli.errors import FINE, code_of_stop
from covpool.cli.options import (
    add_data,
    add_quiet,
    at_least,
    commanded_images,
    dated_folder,
    folder_mistakes,
    noting,
    seconds_in,
    tell,
    write_result,
)
from covpool.cli.parser import Parser
from covpool.cli.progress import listening
from covpool.recipes import Recipe, find_recipe
from covpool.recipes.schema.reading import read_yaml
from covpool.reporting.numerals import percent, three_digits
from covpool.reporting.tables import Cell, Column, Table

_OF_A_PLAN = ("recipe", "search", "space", "data", "val", "epochs", "metric", "sampler", "pruner", "seed", "out")
_WORDS = ("recipe", "search")
_SHOWN = 10


def build() -> Parser:
    """The command line."""
    parser = Parser(
        "sweep",
        "Try recipes that differ in some fields, trained one after the other, and keep the best as best.yaml. Optuna "
        "proposes the values and stops what does badly early. Every trial is a run folder. More processes share the "
        "work when they are started with --resume on the same folder, and machines when they share a --storage. "
        "Ctrl-C and kills lose nothing: --resume goes on, in the trial at work too.",
        examples=[
            "covpool sweep small/digits optimizer.lr=1e-4..1e-1:log network.pool=avg,isqrt --trials 20",
            "covpool sweep mine.yaml --data PATH --space space.yaml --time-limit 8h --pruner hyperband",
            "covpool sweep --resume runs/lr --trials 40",
        ],
        check=_check,
    )
    parser.add_argument("recipe", nargs="?", help="the recipe that every trial starts from: a name or a .yaml file")
    parser.add_argument(
        "search", nargs="*", help="what varies: field=low..high, with :log or :step=N behind, or field=a,b,c"
    )
    parser.add_argument("--space", type=str | None, metavar="FILE", help="the same as YAML: field: range or list")
    parser.add_argument("--out", type=str | None, metavar="DIR", help="its folder (default: runs/sweep-DATE-TIME)")
    parser.add_argument("--resume", type=str | None, metavar="DIR", help="go on with, or help with, the sweep there")
    add_data(parser)
    parser.add_argument("--epochs", type=int | None, help="epochs of each trial, instead of the recipe's")
    _add_search(parser)
    parser.add_argument("--device", type=str, default="auto", help="cpu, cuda, mps, ...; auto takes an accelerator")
    add_quiet(parser)
    return parser


def _add_search(parser: Parser) -> None:
    parser.add_argument("--trials", type=int | None, help="trials altogether (default: 20, without a --time-limit)")
    parser.add_argument("--time-limit", type=str | None, metavar="TIME", help="stop then, such as 90s, 30m or 8h")
    parser.add_argument(
        "--metric", choices=["top1", "top5", "loss"], default="top1", help="what decides, after a trial's last epoch"
    )
    parser.add_argument("--sampler", choices=["tpe", "random", "grid"], default="tpe", help="how values are proposed")
    parser.add_argument(
        "--pruner",
        choices=["median", "hyperband", "none"],
        default="median",
        help="which trials are stopped early: worse than the median at the same epoch, or all but the best third",
    )
    parser.add_argument("--seed", type=int, default=0, help="seed of the proposals; that of the runs is in the recipe")
    parser.add_argument(
        "--storage", type=str | None, metavar="URL", help="a database that machines share (default: a file in --out)"
    )
    parser.add_argument(
        "--take-over", action="store_true", help="with --resume: go on with trials of other machines, which are dead"
    )


def _check(options: Namespace) -> list[str]:
    mistakes = [*at_least(options, trials=1, epochs=1), *folder_mistakes("--out", options.out, force=True)]
    with noting(mistakes):
        seconds_in("--time-limit", options.time_limit)
    if options.resume:
        strange = [name for name in _OF_A_PLAN if name in options.given or (name in _WORDS and options[name])]
        mistakes += [f"--resume keeps the plan of its sweep; drop {', '.join(strange)}"] * bool(strange)
        return mistakes
    if not options.recipe:
        return [*mistakes, "covpool sweep needs a recipe, or --resume DIR; see covpool sweep --help"]
    with noting(mistakes):
        _recipe(options)
    with noting(mistakes):
        _space(options)
    return mistakes


def run(options: Namespace) -> int:
    """Sweep, print the best trials, say where they are."""
    from covpool.studies.sweep import sweep

    limit = seconds_in("--time-limit", options.time_limit)
    folder = Path(options.resume or options.out or dated_folder("sweep"))
    trials = 20 if options.trials is None and limit is None else options.trials
    plan = None if options.resume else _plan(options)
    try:
        with listening(options.quiet) as listen:
            results = sweep(
                plan,
                folder,
                storage=options.storage,
                trials=trials,
                time_limit=limit,
                take_over=options.take_over,
                images=None if plan is None else commanded_images(options, plan.recipe),
                download=options.download,
                device=options.device,
                listen=_telling(listen, options.quiet),
            )
    except KeyboardInterrupt as stop:
        tell(f"interrupted; go on with: covpool sweep --resume {folder}")
        return code_of_stop(stop)
    write_result(_summary(results, folder), None)
    return FINE


def _plan(options: Namespace) -> Any:
    from covpool.studies.sweep import Plan

    settings = {name: options[name] for name in ("metric", "sampler", "pruner", "seed")}
    return Plan(recipe=_recipe(options), space=_space(options), **settings)


def _space(options: Namespace) -> list[Any]:
    from covpool.studies.sweep import read_space

    given: list[Any] = list(options.search)
    if options.space:
        if not Path(options.space).is_file():
            raise ValueError(f"--space {options.space}: there is no such file")
        try:
            read = read_yaml(Path(options.space).read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"--space {options.space} cannot be read as YAML: {error}") from error
        if not isinstance(read, Mapping):
            raise ValueError(f"--space {options.space} needs lines such as 'optimizer.lr: 1e-4..1e-2:log'")
        given += read.items()
    return read_space(given)


def _recipe(options: Namespace) -> Recipe:
    """The recipe with the data and the epochs that were given."""
    data = find_recipe(options.recipe).to_dict()
    data |= {name: options[name] for name in ("data", "val") if options[name] is not None}
    if options.epochs is not None:
        data["schedule"]["epochs"] = options.epochs
    return Recipe.from_dict(data)


def _telling(listen: Callable[[Mapping[str, Any]], None], quiet: bool) -> Callable[[Mapping[str, Any]], None]:
    """The listener of a training, which also hears the trials."""

    def heard(event: Mapping[str, Any]) -> None:
        listen(event)
        line = "" if quiet else _line(event)
        if line:
            tell(line)

    return heard


def _line(event: Mapping[str, Any]) -> str:
    if event["event"] == "trial-start":
        values = ", ".join(f"{field} {_short(value)}" for field, value in event["values"].items())
        return f"trial {event['trial']}{' goes on' if event['resumed'] else ''}: {values}"
    if event["event"] == "trial-end":
        value = "" if event["value"] is None else f", {three_digits(event['value'])}"
        best = "" if event["best"] is None else f"; best so far: trial {event['best']}"
        reason = f" ({event['reason']})" if event["reason"] else ""
        return f"trial {event['trial']} {event['how']}{value}{reason}{best}"
    return ""


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _summary(results: Mapping[str, Any], folder: Path) -> str:
    """The best trials, what the fields explain, and what to do with it."""
    if results["best"] is None:
        return f"no trial has finished yet; go on with: covpool sweep --resume {folder}\n"
    parts = results["importances"] or {}
    explained = ", ".join(f"{field} {percent(part, 0)} %" for field, part in parts.items())
    states = [record["state"] for record in results["trials"]]
    counts = ", ".join(f"{states.count(state)} {state}" for state in dict.fromkeys(states))
    lines = [
        _table(results).to_text(),
        f"{len(states)} trials: {counts}" + (f"\nwhat the fields explain: {explained}" if explained else ""),
        f"the best recipe: covpool train {folder / 'best.yaml'}",
    ]
    return "\n".join(lines) + "\n"


def _table(results: Mapping[str, Any]) -> Table:
    fields = list(results["space"])
    columns = [Column("trial", "trial"), Column("value", results["metric"]), Column("state", "state", numeric=False)]
    columns += [Column(field, field, numeric=False) for field in fields] + [Column("epochs", "epochs")]
    best = sorted(results["trials"], key=_rank(results["direction"]))[:_SHOWN]
    return Table(columns, [_cells(record, fields) for record in best])


def _rank(direction: str) -> Callable[[Mapping[str, Any]], tuple[bool, float, int]]:
    sign = 1 if direction == "minimize" else -1

    def rank(record: Mapping[str, Any]) -> tuple[bool, float, int]:
        known = record["state"] == "finished" and record["value"] is not None
        return not known, sign * (record["value"] or 0.0), record["trial"]

    return rank


def _cells(record: Mapping[str, Any], fields: Sequence[str]) -> list[Cell]:
    values = [_short(record["values"].get(field, "")) for field in fields]
    value = "" if record["value"] is None else f"{record['value']:.4f}"
    texts = [str(record["trial"]), value, record["state"], *values, str(record["epochs"])]
    return [Cell(text, text) for text in texts]
