"""Networks side by side by the loss around their weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

from covpool.reporting.drawing.plots import Line, curves
from covpool.reporting.drawing.surface import surface
from covpool.reporting.numerals import percent
from covpool.reporting.sections.parts import Chart, Facts, Found, Heading, Legend, Listing, Note, Part, Section, colour
from covpool.reporting.tables import Cell, Column, Table

_COLUMNS = (
    ("accuracy", "accuracy %", "after the last epoch, as the run noted it"),
    ("epochs_to_reach", "epochs to target", "straight line between evaluations; see the target below"),
    ("loss", "loss", "on the pictures of the analysis, at the last weights"),
    ("activations.loss_range", "loss range", "largest minus least loss along the gradient in the activations"),
    ("activations.change_high", "gradient change", "largest change of that gradient: small is predictive"),
    ("weights.smoothness", "smoothness", "effective beta-smoothness along the gradient in the weights"),
    ("hessian.largest", "top eigenvalue", "of the Hessian in the weights, by Lanczos"),
    ("hessian.trace", "trace", "of the Hessian, by Hutchinson"),
    ("sharpness.one_step", "sharpness", "rise of the loss in a small ball, by one step of gradient"),
    ("sharpness.m_sharpness", "m-sharpness", "the same batch by batch"),
    ("conditioning.effective_rank", "gradient rank", "effective rank of the gradients of single examples"),
    ("conditioning.signal", "agreement", "squared mean over mean square of these gradients"),
)
_ALONG = (
    ("activations", "smoothness", "effective smoothness, activations"),
    ("weights", "smoothness", "effective smoothness, weights"),
    ("weights", "lipschitz", "Lipschitz bound of the loss, weights"),
    ("hessian", "largest", "largest eigenvalue of the Hessian"),
    ("hessian", "trace", "trace of the Hessian"),
    ("sharpness", "m_sharpness", "m-sharpness"),
    ("conditioning", "effective_rank", "effective rank of example gradients"),
    ("conditioning", "anisotropy", "anisotropy of example gradients"),
)
_BANDS = (("loss_low", "loss", "loss_high", "loss along the gradient in the activations: least to largest"),)


def section(found: Sequence[Found]) -> Section:
    """A table of the last weights, and charts along the training, with bands over the seeds."""
    parts: list[Part] = []
    for result in found:
        groups = result.data["groups"]
        if len(found) > 1:
            parts.append(Heading(result.name))
        parts += [Listing(_table(result), [colour(n) for n in range(len(groups))]), *_charts(groups)]
        parts += [Note(_how(result.data)), Facts(_facts(result.data))]
    return Section("The loss around the weights", parts, lead=_lead(found[0].data))


def _lead(data: Mapping[str, Any]) -> str:
    source = data["data"]
    runs = [len(group["runs"]) for group in data["groups"]]
    seeds = f"{min(runs)} to {max(runs)}" if min(runs) < max(runs) else str(max(runs))
    return (
        f"{len(runs)} networks, runs of each: {seeds}, on {source['pictures']} pictures of {source['source']}. Means; "
        "bands and brackets hold all seeds."
    )


def _table(result: Found) -> Table:
    groups = result.data["groups"]
    chosen = [column for column in _COLUMNS if any(group["summary"].get(column[0]) for group in groups)]
    columns = [Column("network", "network", False), *(Column(key, title, hint=hint) for key, title, hint in chosen)]
    rows = [
        [Cell(group["name"], group["name"]), *(_cell(result, number, key) for key, _, _ in chosen)]
        for number, group in enumerate(groups)
    ]
    return Table(columns, rows)


def _cell(result: Found, number: int, key: str) -> Cell:
    spread = result.data["groups"][number]["summary"].get(key)
    if not spread:
        return Cell("")
    show = percent if key == "accuracy" else _number
    several = len(spread["per_seed"]) > 1
    detail = f"[{show(spread['low'])}, {show(spread['high'])}]" if several else ""
    origin = result.origin("groups", number, "summary", key, "mean")
    return Cell(show(spread["mean"]), spread["mean"], detail, origin=origin)


def _charts(groups: Sequence[Mapping[str, Any]]) -> Iterator[Part]:
    legend = Legend([(group["name"], colour(number)) for number, group in enumerate(groups)])
    along = [*_band_charts(groups), *_scalar_charts(groups), *_spectrum_charts(groups)]
    if along:
        yield from (Heading("Along the training"), legend, *along)
    if accuracies := _lines(groups, lambda run: list(enumerate(run["accuracies"], start=1))):
        yield Chart("accuracy, %", curves([_scaled(line, 100) for line in accuracies], y_title="accuracy"))
    last = [*_slice_charts(groups), *_density_charts(groups)]
    if last:
        yield from (Heading("Around the last weights"), legend, *last)


def _band_charts(groups: Sequence[Mapping[str, Any]]) -> Iterator[Chart]:
    for low, middle, high, title in (*_BANDS, ("change_low", "", "change_high", "change of that gradient, l2")):
        lines = []
        for number, group in enumerate(groups):
            runs = [_steps(run, "activations") for run in group["runs"]]
            steps = _shared(runs)
            if len(steps) < 2:
                continue
            least = [min(run[step][low] for run in runs) for step in steps]
            most = [max(run[step][high] for run in runs) for step in steps]
            mean = [
                _mean([run[s][middle] if middle else (run[s][low] + run[s][high]) / 2 for run in runs]) for s in steps
            ]
            lines.append(Line(steps, mean, least, most, group["name"], colour(number)))
        if lines:
            yield Chart(title, curves(lines, y_title=title, x_title="step"))


def _scalar_charts(groups: Sequence[Mapping[str, Any]]) -> Iterator[Chart]:
    for measured, key, title in _ALONG:
        yield from _chart(groups, title, partial(_reading, path=(measured, key)))


def _spectrum_charts(groups: Sequence[Mapping[str, Any]]) -> Iterator[Chart]:
    for place, title in (("features", "of the backbone's map"), ("pooled", "of what is pooled, after the reduction")):
        text = f"effective rank of the covariance {title}"
        yield from _chart(groups, text, partial(_reading, path=("spectrum", place, "effective_rank")))


def _chart(
    groups: Sequence[Mapping[str, Any]], title: str, points: Callable[[Any], Any], x_title: str = "step"
) -> Iterator[Chart]:
    lines = _lines(groups, points)
    if lines:
        yield Chart(title, curves(lines, y_title=title, x_title=x_title))


def _slice_charts(groups: Sequence[Mapping[str, Any]]) -> Iterator[Chart]:
    found = [(n, g, slices) for n, g in enumerate(groups) if (slices := g["runs"][0]["points"][-1].get("slices"))]
    if not found:
        return
    yield from _chart(
        groups, "loss along a random direction, filters as long as the weights'", _line_of_slice, "distance"
    )
    values = [value for _, _, slices in found for row in slices["plane"]["losses"] for value in row]
    for _, group, slices in found:
        plane = slices["plane"]
        drawing = surface(plane["steps"], plane["losses"], low=min(values), high=max(values), what="loss")
        yield Chart(f"loss on a plane of two random directions: {group['name']}, first seed", drawing)


def _line_of_slice(run: Mapping[str, Any]) -> list[tuple[float, float]]:
    line = run["points"][-1].get("slices", {}).get("line")
    return list(zip(line["steps"], line["losses"], strict=True)) if line else []


def _density_charts(groups: Sequence[Mapping[str, Any]]) -> Iterator[Chart]:
    lines = []
    for number, group in enumerate(groups):
        density = group["runs"][0]["points"][-1].get("density")
        if density:
            y = density["density"]
            lines.append(Line(density["eigenvalues"], y, y, y, group["name"], colour(number)))
    if lines:
        title = "density of the Hessian's eigenvalues, first seed"
        yield Chart(title, curves(lines, y_title=title, x_title="eigenvalue"))


def _lines(groups: Sequence[Mapping[str, Any]], points: Callable[[Any], Sequence[tuple[Any, Any]]]) -> list[Line]:
    """A line a group: the mean over its runs and their band, at the places that all runs share."""
    lines = []
    for number, group in enumerate(groups):
        runs = [{x: y for x, y in points(run) if y is not None} for run in group["runs"]]
        places = _shared(runs)
        if len(places) < 2:
            continue
        columns = [[run[x] for run in runs] for x in places]
        means = [_mean(values) for values in columns]
        lines.append(Line(places, means, [*map(min, columns)], [*map(max, columns)], group["name"], colour(number)))
    return lines


def _steps(run: Mapping[str, Any], measured: str) -> dict[Any, Any]:
    return {p["step"]: p[measured] for p in run["points"] if p.get(measured) and p["step"] is not None}


def _reading(run: Mapping[str, Any], path: Sequence[str]) -> list[tuple[Any, Any]]:
    """(step, value at ``path``) of a run's points, where there is one."""
    pairs = []
    for step, value in _steps(run, path[0]).items():
        for key in path[1:]:
            value = None if value is None else value.get(key)
        pairs.append((step, value))
    return pairs


def _shared(runs: Sequence[Mapping[Any, Any]]) -> list[Any]:
    return sorted(set.intersection(*map(set, runs))) if runs else []


def _scaled(line: Line, factor: float) -> Line:
    mean, low, high = ([factor * value for value in values] for values in (line.mean, line.low, line.high))
    return Line(line.x, mean, low, high, line.title, line.style)


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _number(value: float) -> str:
    return f"{value:.3g}"


def _how(data: Mapping[str, Any]) -> str:
    protocol, probe = data["settings"]["protocol"], data["settings"]["probe"]
    low, high, count = protocol["activation_distances"]
    about = {
        "activations": f"Along the gradient in the activations: {count} distances from {low:g} to {high:g} uphill, "
        f"{protocol['activation_mode']} mode, first batch, as the released loop does.",
        "weights": f"Along the gradient in the weights: downhill, mode {protocol['mode']}.",
        "hessian": f"Hessian: {protocol['lanczos_steps']} steps of Lanczos, {protocol['trace_samples']} probes of "
        "Hutchinson.",
        "sharpness": f"Sharpness: a ball of radius {protocol['radius']:g}.",
        "conditioning": f"Gradients of {protocol['examples']} single examples: mode {protocol['example_mode']}.",
        "spectrum": f"Spectra: mode {protocol['example_mode']}.",
    }
    measured = [sentence for name, sentence in about.items() if name in protocol["measures"]]
    return " ".join(
        [
            f"All networks see the same {data['data']['pictures']} {probe['split']} pictures, without augmentation, in "
            f"batches of {probe['batch_size']} in one order. Computed in {protocol['dtype']}.",
            *measured,
        ]
    )


def _facts(data: Mapping[str, Any]) -> list[tuple[str, str]]:
    target, stamp = data["settings"]["target"], data.get("stamp") or {}
    facts = [("pictures", f"{data['data']['source']}, {data['data']['classes']} classes")]
    if target is not None:
        facts.append(("target of 'epochs to target'", f"{percent(target)} %"))
    curvature = {
        p["hessian"]["curvature"] for g in data["groups"] for r in g["runs"] for p in r["points"] if "hessian" in p
    }
    if curvature:
        facts.append(("Hessian times a vector", ", ".join(sorted(curvature))))
    return [*facts, *((key, str(stamp[key])) for key in ("date", "version", "commit") if stamp.get(key))]
