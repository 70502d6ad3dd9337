"""Is the loss around second-order networks smoother along their training? Three heads of conv4, three seeds, digits.

The heads: average pooling; a first-order control, the average expanded to as many numbers as the covariance has; the
covariance's root. One recipe (small/conv4), not tuned for any. Measured along the training on the same 64 training
pictures: the released protocol in the activations of the first block, and the loss in the weights. Nothing is timed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from harness import options, write

from covpool.analysis import Protocol
from covpool.recipes import Choice, Recipe, find_recipe
from covpool.studies.landscape import Probe, analyze, recipes_of, train_with_snapshots

HEADS = (Choice("avg"), Choice("avg-expand", width=528), Choice("isqrt", reduce_to=32))
SEEDS = 3
POINTS = 5
PROTOCOL = Protocol(
    activation_distances=(0.1, 75.0, 12),
    weight_distances=(0.05, 0.4, 4),
    lanczos_steps=15,
    eigenvalues=1,
    trace_samples=5,
    examples=32,
    dtype="float32",
)
PROBE = Probe(images=64, batch_size=64)
KEPT = {
    "loss": ("loss",),
    "range_in_activations": ("activations", "loss_range"),
    "change_in_activations": ("activations", "change_high"),
    "smoothness_in_activations": ("activations", "smoothness"),
    "smoothness_in_weights": ("weights", "smoothness"),
    "top_eigenvalue": ("hessian", "largest"),
    "trace": ("hessian", "trace"),
    "sharpness": ("sharpness", "one_step"),
    "gradient_rank": ("conditioning", "effective_rank"),
    "gradient_agreement": ("conditioning", "signal"),
    "feature_rank": ("spectrum", "features", "effective_rank"),
}


def main() -> None:
    """Train, measure and write results/landscape.json."""
    given = options(__doc__ or "")
    torch.set_num_threads(given.threads)
    protocol, probe, seeds, points = PROTOCOL, PROBE, SEEDS, POINTS
    recipe, heads = find_recipe("small/conv4"), HEADS
    if given.smoke:
        protocol = replace(PROTOCOL, activation_distances=(0.1, 1.0, 2), lanczos_steps=2, trace_samples=2, examples=4)
        probe, seeds, points = Probe(images=8, batch_size=8), 1, 2
        recipe, heads = _tiny(find_recipe("small/digits")), HEADS[::2]
    with tempfile.TemporaryDirectory() as folder:
        rows = measured(recipe, heads, Path(folder), protocol, probe, seeds, points)
    for row in rows:
        print(row)
    if not given.smoke:
        settings = {"protocol": protocol.to_dict(), "images": probe.images, "seeds": seeds, "recipe": recipe.name}
        print(write("landscape", rows, **settings))


def measured(
    recipe: Recipe,
    heads: Sequence[Choice],
    folder: Path,
    protocol: Protocol,
    probe: Probe,
    seeds: int,
    points: int,
) -> list[dict[str, Any]]:
    """A row for each head and step: mean, least and largest over the seeds."""
    runs = []
    for variant in recipes_of(recipe, heads):
        for seed in range(seeds):
            place = folder / variant.network.pool.name / f"seed{seed}"
            runs.append(train_with_snapshots(replace(variant, seed=seed), place, points=points))
            print("trained", variant.network.pool, "seed", seed, flush=True)
    found = analyze(
        runs, protocol=protocol, probe=probe, progress=lambda done, total: print(done, "of", total, flush=True)
    )
    rows = []
    for group in found["groups"]:
        rows += _rows(group)
    return rows


def _rows(group: Mapping[str, Any]) -> list[dict[str, Any]]:
    rows = []
    for number, point in enumerate(group["runs"][0]["points"]):
        row: dict[str, Any] = {"network": group["name"], "step": point["step"]}
        for name, path in KEPT.items():
            row[name] = _spread([_at(run["points"][number], path) for run in group["runs"]])
        rows.append(row)
    rows[-1]["accuracy"] = _spread([run["accuracies"][-1] for run in group["runs"]])
    rows[-1]["epochs_to_reach"] = _spread([run["epochs_to_reach"] for run in group["runs"]])
    return rows


def _at(point: Mapping[str, Any], path: Sequence[str]) -> float:
    value: Any = point
    for key in path:
        value = value[key]
    return float(value)


def _spread(values: Sequence[float]) -> list[float]:
    """Mean, least and largest, to four digits."""
    return [float(f"{value:.4g}") for value in (sum(values) / len(values), min(values), max(values))]


def _tiny(recipe: Recipe) -> Recipe:
    return replace(recipe, schedule=replace(recipe.schedule, epochs=1, warmup_epochs=0.0))


if __name__ == "__main__":
    main()
