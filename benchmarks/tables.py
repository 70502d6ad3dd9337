"""How the record of each benchmark looks on the page of results: one function a kind, record -> Markdown."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

Record = dict[str, Any]


def roots(record: Record) -> str:
    """Shapes by forms of the root: milliseconds, and how many times faster than the released layer."""
    names = list(record["rows"][0]["functions"])
    head = ["channels", "map", *names, "memory", "over limit"]
    body = [
        [row["channels"], _map(row), *_timed(row, names), f"{row['memory_share']:.2f}", f"{row['over_limit']:.2f}"]
        for row in record["rows"]
    ]
    settings = record["settings"]
    facts = (
        f"Forward and backward of the iSQRT-COV layer, batch {settings['batch']}, {settings['dtype']}, "
        f"{settings['steps']} steps: milliseconds, and in brackets how many times faster than the released layer "
        f"(median of {settings['repeats']} paired runs). Memory: peak of `auto` as a share of the released layer's. "
        "Over limit: time of `auto` over that of the products of the iteration alone, at the rate of `torch.bmm`."
    )
    return _page(facts, head, body)


def accuracy_vs_steps(record: Record) -> str:
    """Conditions by steps: errors of the value and of the gradient, and the most that float32 adds."""
    steps = sorted({row["steps"] for row in record["rows"]})
    found = {(row["condition"], row["steps"]): row for row in record["rows"]}
    conditions = sorted({row["condition"] for row in record["rows"]})
    body = [
        [f"{condition:.0e}", what, *(f"{found[condition, k][f'{what}_error']:.1e}" for k in steps)]
        for condition in conditions
        for what in ("value", "gradient")
    ]
    rounding = max(max(row["value_rounding"], row["gradient_rounding"]) for row in record["rows"])
    facts = (
        "Relative error of k steps of Newton-Schulz against the exact root and its gradient, in float64, "
        f"{record['settings']['dim']} channels, eigenvalues evenly spread on a logarithmic scale. Float32 is within "
        f"{rounding:.0e} of that everywhere. The published layer takes 5 steps: its weights need exactly these, "
        "converged or not."
    )
    return _page(facts, ["condition", "of", *steps], body)


def mixture_cost(record: Record) -> str:
    """Shapes and K: the mixture beside K single pools."""
    settings = record["settings"]
    head = ["channels", "map", "K", "gm-sop ms", "K single pools ms", "ratio", "quartiles"]
    keys = ("active", "mixture_ms", "singles_ms", "ratio")
    body = [
        [row["channels"], _map(row), *(row[key] for key in keys), " to ".join(map(str, row["ratio_spread"]))]
        for row in record["rows"]
    ]
    facts = (
        f"Forward and backward in training mode of K of {settings['candidates']} candidates, batch "
        f"{settings['batch']}, median of {settings['repeats']} paired runs; the gate is part of the mixture."
    )
    return _page(facts, head, body)


def sketch_memory(record: Record) -> str:
    """Shapes by pools: peaks in megabytes."""
    head = ["channels", "map", "pool", "features", "forward MB", "with gradient MB", "largest tensor MB", "C x C made"]
    keys = ("pool", "features", "forward_mb", "training_mb", "largest_mb")
    body = [
        [row["channels"], _map(row), *(row[k] for k in keys), "yes" if row["square"] else "no"]
        for row in record["rows"]
    ]
    facts = (
        f"Peak memory in 10^6 bytes, batch {record['settings']['batch']}, float32: of the forward pass with input and "
        "buffers, and of forward and backward beyond them."
    )
    return _page(facts, head, body)


def data_memory(record: Record) -> str:
    """Forms by sizes: megabytes of all processes."""
    settings = record["settings"]
    head = ["form", "pictures", "one batch MB", "whole set MB", "ratio", "bar"]
    keys = ("form", "pictures", "one_batch_mb", "whole_mb", "ratio")
    body = [[*(row[k] for k in keys), settings["bar"]] for row in record["rows"]]
    facts = (
        f"Memory of {settings['ranks']} ranks with {settings['workers']} workers each, batch {settings['batch']}, "
        f"{settings['side']} px: anonymous and shared pages in 10^6 bytes, the page cache left out; over a set of one "
        "batch a worker and over the whole one."
    )
    return _page(facts, head, body)


def data_loaders(record: Record) -> str:
    """Pictures and workers by forms: milliseconds a picture, and how many times faster than torchvision."""
    head = ["pictures", "workers", "form", "ms a picture", "times", "quartiles", "bar"]
    body = []
    for row in record["rows"]:
        bar = record["settings"]["bars"].get(row["form"], "")
        spread = " to ".join(f"{value:.2f}" for value in row["times_spread"])
        body.append([row["pictures"], row["workers"], row["form"], row["ms"], row["times"], spread, bar])
    facts = (
        f"An epoch with batch {record['settings']['batch']}; times: seconds of torchvision's ImageFolder and PyTorch's "
        f"DataLoader over ours, median of {record['settings']['repeats']} epochs in turn. 'draft' decodes at half size."
    )
    return _page(facts, head, body)


def landscape(record: Record) -> str:
    """Networks by steps: mean and range over the seeds."""
    settings = record["settings"]
    names = {
        "loss": "loss",
        "range_in_activations": "loss range, activations",
        "change_in_activations": "gradient change, activations",
        "smoothness_in_weights": "smoothness, weights",
        "top_eigenvalue": "top eigenvalue",
        "sharpness": "sharpness",
        "gradient_rank": "gradient rank",
        "accuracy": "accuracy %",
        "epochs_to_reach": "epochs to target",
    }
    body = [
        [row["network"], row["step"], *(_spread(row.get(key), 100 if key == "accuracy" else 1) for key in names)]
        for row in record["rows"]
    ]
    facts = (
        f"`{settings['recipe']}` with three heads, {settings['seeds']} seeds: mean and, in brackets, least and largest "
        f"over the seeds, on the same {settings['images']} training pictures. What the columns mean: "
        "[why covariance helps](howto/why-covariance-helps.md). Not tuned for any head; nothing is timed."
    )
    return _page(facts, ["network", "step", *names.values()], body)


def corruptions(record: Record) -> str:
    """Corruptions by severity, then glass blur beside loops."""
    settings, rows = record["settings"], record["rows"]
    plain = [row for row in rows if "corruption" in row]
    glass = [row for row in rows if "glass_blur" in row]
    levels = range(1, len(plain[0]["ms"]) + 1)
    facts = (
        f"Milliseconds to corrupt one picture of {settings['side']} x {settings['side']} pixels on one core, median of "
        f"{settings['repeats']}, by severity."
    )
    first = _page(facts, ["corruption", *levels], [[row["corruption"], *row["ms"]] for row in plain])
    body = [
        [row["glass_blur"], *row["ms"].values(), *(of["times"] for of in row["against"].values()), _yes(row["equal"])]
        for row in glass
    ]
    head = [
        "severity",
        "loop ms",
        "loop, numbers drawn before, ms",
        "ours ms",
        "loop / ours",
        "that loop / ours",
        "equal pixels",
    ]
    facts = (
        "`glass_blur` beside a loop over pixels in Python that draws its numbers pixel by pixel, and one that is given "
        f"them as lists (bar: {settings['bar']:g} times)."
    )
    return f"{first}\n{_page(facts, head, body)}"


def training_step(record: Record) -> str:
    """Pools by precisions: milliseconds of a step, ratios, peak memory; then the loop's share."""
    settings, bars = record["settings"], record["settings"]["bars"]
    head = [
        "step of",
        "precision",
        "ms",
        "over average pooling",
        "over float32",
        "peak MB",
        "memory over average",
        "the same, classifiers left out",
        "bar",
    ]
    body = [
        [
            *(row[key] for key in ("pool", "precision", "ms")),
            _quartiled(row, "over_average"),
            _quartiled(row, "over_float32"),
            *(row[key] for key in ("peak_mb", "memory_over_average", "memory_but_classifier_over_average")),
            bars.get(f"{row['pool']}, {row['precision']}", ""),
        ]
        for row in record["rows"]
        if row["what"] == "pool"
    ]
    loops = "; ".join(
        f"{row['precision']} {row['ms']} over {row['bare_ms']} ms, {_quartiled(row, 'over_bare')}"
        for row in record["rows"]
        if row["what"] == "loop"
    )
    facts = (
        f"A training step of {settings['backbone']} with last_stride 1 at {settings['side']} px, batch "
        f"{settings['batch']}, channels last, {settings['threads']} threads, "
        f"{'with' if settings['amx'] else 'without'} AMX: medians, quartiles of {settings['repeats']} steps in turn. "
        f"'published' is the released layer in the place of ours. The loop over a bare step with isqrt (bar "
        f"{bars['loop']}): {loops}. Bars: memory {bars['memory']}, bfloat16 over float32 with AMX "
        f"{bars['bfloat16 over float32']}. Freed memory is kept and classifiers stay in float32 under autocast, as in "
        "training on a CPU. Left out of the memory are the classifier's weights, their gradients and momentum."
    )
    return _page(facts, head, body)


def one_node(record: Record) -> str:
    """Processes by precisions: pictures a second and memory; then the messages."""
    settings = record["settings"]
    head = ["processes", "strategy", "precision", "pictures a second", "over one process", "peak MB of a process"]
    body = [
        [
            *(row[key] for key in ("processes", "strategy", "precision", "pictures_a_second")),
            _quartiled(row, "over_one"),
            row["peak_mb"],
        ]
        for row in record["rows"]
        if row["what"] == "training"
    ]
    sums = next(row for row in record["rows"] if row["what"] == "messages")
    facts = (
        f"`train` with {settings['backbone']} and isqrt, {settings['parameters']:,} parameters, {settings['side']} px, "
        f"{settings['batch']} pictures in each process, SGD with momentum, channels last; the cores are shared out "
        f"among the processes. Medians of {settings['rounds']} trainings of {settings['steps']} steps in turn. Summing "
        f"{sums['mb']} MB of gradients over {sums['processes']} processes (gloo, one machine): {sums['seconds']} s "
        f"({sums['seconds_spread'][0]} to {sums['seconds_spread'][1]}), {sums['gb_a_second']} GB/s."
    )
    return _page(facts, head, body)


def soak(record: Record) -> str:
    """Stretches of the run: what was held, and how long a step took."""
    settings, bars = record["settings"], record["settings"]["bars"]
    head = ["steps", "pictures", "memory MB", "ms a step", "open files", "processes", "shared memory"]
    keys = ("steps", "pictures", "mb", "ms", "files", "processes", "shared")
    left = ", ".join(f"{name} {first} and then {last}" for name, (first, last) in settings["left"].items())
    facts = (
        f"{settings['minutes']:g} minutes, {settings['trainings']} trainings in one process over pictures that grow in "
        f"number, {settings['steps']:,} steps; medians of each stretch, memory with the workers. Growth in 1,000 steps "
        f"behind the first quarter: {settings['slope']} MB at work, {settings['slope_at_rest']} MB between trainings "
        f"(bar {bars['memory']:g}); steps {settings['slowed']:.0%} slower at the end (bar {bars['time']:.0%}). Left by "
        f"a training: {left}. Verdict: {'; '.join(settings['complaints']) or 'nothing creeps'}."
    )
    return _page(facts, head, [[row[key] for key in keys] for row in record["rows"]])


def _quartiled(row: Record, name: str) -> str:
    low, high = row[f"{name}_spread"]
    return f"{row[name]} ({low} to {high})"


KINDS: dict[str, Callable[[Record], str]] = {
    "roots": roots,
    "accuracy_vs_steps": accuracy_vs_steps,
    "mixture_cost": mixture_cost,
    "sketch_memory": sketch_memory,
    "data_memory": data_memory,
    "data_loaders": data_loaders,
    "landscape": landscape,
    "training_step": training_step,
    "corruptions": corruptions,
    "one_node": one_node,
    "soak": soak,
}


def _timed(row: Record, names: Iterable[str]) -> list[str]:
    timed = ((row["functions"][name]["ms"], row["functions"][name]["times"]) for name in names)
    return [f"{ms:.1f}" if times == 1 else f"{ms:.1f} ({times:.1f})" for ms, times in timed]


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _spread(values: Sequence[float] | None, factor: float = 1) -> str:
    if values is None:
        return ""
    mean, low, high = (f"{factor * value:.3g}" for value in values)
    return f"{mean} [{low}, {high}]"


def _map(row: Record) -> str:
    return f"{row['side']} x {row['side']}"


def _page(facts: str, head: Sequence[Any], body: Sequence[Sequence[Any]]) -> str:
    rule = ["---"] * len(head)
    lines = "".join(f"| {' | '.join(map(str, line))} |\n" for line in (head, rule, *body))
    return f"{facts}\n\n{lines}"
