"""Runs and files of weights, measured on the same pictures and put side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from covpool.analysis import AT_THE_END, NotFinite, Protocol, epochs_to_reach, measure, modes
from covpool.data import ImageSet, ImageSource, Preprocessing, eval_loader, eval_transform, open_images
from covpool.evaluation import stamp
from covpool.evaluation.predict import pick_device
from covpool.models import Network, restore_network
from covpool.models.restore import weights_file
from covpool.recipes import Recipe
from covpool.studies.landscape.snapshots import snapshots
from covpool.training import RunFolder, read_journal

SCHEMA = "covpool-analysis/1"
Progress = Callable[[int, int], None]
SCALARS = (  # measures and their numbers that a summary has, with the spread over the seeds
    ("activations", "loss_range"),
    ("activations", "lipschitz"),
    ("activations", "change_high"),
    ("activations", "smoothness"),
    ("weights", "loss_range"),
    ("weights", "lipschitz"),
    ("weights", "change_high"),
    ("weights", "smoothness"),
    ("hessian", "largest"),
    ("hessian", "trace"),
    ("sharpness", "one_step"),
    ("sharpness", "m_sharpness"),
    ("conditioning", "anisotropy"),
    ("conditioning", "effective_rank"),
    ("conditioning", "signal"),
)


@dataclass(frozen=True, kw_only=True)
class Probe:
    """The pictures on which all networks are measured, at all steps: drawn once, without augmentation, never shuffled.

    Args:
        images: how many. batch_size: pictures a batch; the landscape in the activations takes the first batch.
        seed: of the draw. split: of which pictures.
    """

    images: int = 256
    batch_size: int = 64
    seed: int = 0
    split: str = "train"


@dataclass(frozen=True)
class _Source:
    """A run folder or a file of weights, as far as it can be told without looking at pictures."""

    path: Path
    points: Mapping[int, Path] | Mapping[None, Path]
    recipe: Recipe | None
    accuracies: Sequence[float | None]


def analyze(
    paths: Iterable[str | Path],
    *,
    images: ImageSource | None = None,
    protocol: Protocol | None = None,
    probe: Probe | None = None,
    target: float | None = None,
    device: str | torch.device = "auto",
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Measure networks by ``protocol``: {"schema": ..., "settings": ..., "groups": [{"name", "runs", "summary"}]}.

    A run folder with snapshots is measured at each, one without at its last weights; a file of weights once. Runs
    whose recipes differ in nothing but the seed are one group, and get bands.

    Args:
        paths: run folders, and .pt or .safetensors files.
        images: pictures at hand; None: those of the first recipe. All networks see the same ones, each through its own
            preprocessing.
        target: an accuracy from 0 to 1 for "epochs to reach"; None: the lowest of the runs' best, which all reach.
        progress: called with (points done, points in all).

    Raises:
        ValueError: nothing there, pictures that are not named anywhere.
        NotFinite: a network at some step is not in the numbers; run, step and measure are named.
    """
    protocol, probe = protocol or Protocol(), probe or Probe()
    sources = [_read(Path(path)) for path in paths]
    if not sources:
        raise ValueError("analyze() needs at least one run or file of weights; got none")
    images = images or _own_images(sources)
    chosen = _chosen(images, probe)
    total, done, runs = sum(len(source.points) for source in sources), 0, []
    for source in sources:
        run = _run(source)
        runs.append(run)
        for step, path in source.points.items():
            network, batches = _loaded(path, chosen, probe, device)
            found = _measured(path, network, batches, protocol, last=step == list(source.points)[-1])
            run["network"] = _told(network)
            run["points"].append({"step": step, **found})
            done += 1
            if progress is not None:
                progress(done, total)
    target = _usual_target(runs) if target is None else target
    return {
        "schema": SCHEMA,
        "stamp": stamp(),
        "data": {"source": images.name, "classes": len(images.classes), "pictures": len(chosen)},
        "settings": {
            "protocol": protocol.to_dict(),
            "probe": asdict(probe),
            "modes": {name: modes.get(name) for name in modes},
            "target": target,
        },
        "groups": _groups(runs, target),
    }


def probe_batches(images: ImageSet, preprocessing: Preprocessing, probe: Probe) -> list[tuple[Any, Any]]:
    """The pictures of ``images`` as batches of (images, labels), in their order."""
    loader = eval_loader(images, eval_transform(preprocessing), batch_size=probe.batch_size)
    return [(batch.images, batch.labels) for batch in loader.epoch(0)]


def _chosen(images: ImageSource, probe: Probe) -> ImageSet:
    found: ImageSet | None = getattr(images, probe.split)
    if found is None:
        raise ValueError(f"{images.name} has no {probe.split} pictures; choose another split")
    return found.subset(np.random.default_rng(probe.seed).permutation(len(found))[: probe.images])


def _read(path: Path) -> _Source:
    folder = RunFolder(path)
    if not folder.recipe.exists():
        return _Source(path, {None: weights_file(path)}, None, ())
    kept = snapshots(path)
    if not kept and not folder.last.exists():
        raise ValueError(f"{path} holds no weights to analyze: neither {folder.last.name} nor snapshots")
    journal = read_journal(folder.journal) if folder.journal.exists() else []
    accuracies = [event["eval_top1"] for event in journal if event["event"] == "epoch"]
    points: Mapping[int, Path] | Mapping[None, Path] = kept or {None: folder.last}
    return _Source(path, points, folder.stored_recipe(), accuracies)


def _own_images(sources: Sequence[_Source]) -> ImageSource:
    named = next((source.recipe for source in sources if source.recipe is not None and source.recipe.data), None)
    if named is None:
        raise ValueError("no recipe among these says where the pictures are; name them (--data)")
    return open_images(str(named.data), val=named.val, commands=False)


def _run(source: _Source) -> dict[str, Any]:
    recipe = source.recipe
    return {
        "path": source.path.name,
        "seed": None if recipe is None else recipe.seed,
        "recipe": None if recipe is None else recipe.to_dict(),
        "accuracies": list(source.accuracies),
        "points": [],
    }


def _loaded(
    path: Path, chosen: ImageSet, probe: Probe, device: str | torch.device
) -> tuple[Network, list[tuple[Any, Any]]]:
    """The network of a file, and the pictures as it wants them."""
    network, about = restore_network(path)
    if "preprocessing" not in about:
        raise ValueError(f"{path} does not say how its pictures are prepared; take a checkpoint of a training")
    network.to(pick_device(device))
    return network, probe_batches(chosen, Preprocessing.from_dict(about["preprocessing"]), probe)


def _told(network: Network) -> dict[str, Any]:
    return {
        "backbone": network.architecture["backbone"],
        "pool": network.architecture["pool"],
        "parameters": sum(p.numel() for p in network.parameters()),
    }


def _measured(path: Path, network: Network, batches: Any, protocol: Protocol, *, last: bool) -> dict[str, Any]:
    wanted = tuple(name for name in protocol.measures if last or name not in AT_THE_END)
    try:
        return measure(network, batches, replace(protocol, measures=wanted))
    except NotFinite as error:
        raise NotFinite(f"{path}: {error}") from error


def _usual_target(runs: Sequence[Mapping[str, Any]]) -> float | None:
    best = [max(known) for run in runs if (known := [value for value in run["accuracies"] if value is not None])]
    return min(best) if best else None


def _groups(runs: Sequence[dict[str, Any]], target: float | None) -> list[dict[str, Any]]:
    groups: dict[str, list[dict[str, Any]]] = {}
    for number, run in enumerate(runs):
        run["epochs_to_reach"] = None if target is None else epochs_to_reach(run["accuracies"], target)
        recipe = run.pop("recipe")
        own = {key: value for key, value in (recipe or {}).items() if key not in ("seed", "checkpoint_every_steps")}
        groups.setdefault(f"{own}" if recipe else f"file {number}", []).append(run)
    names = _names(list(groups.values()))
    return [
        {"name": name, "network": members[0]["network"], "runs": members, "summary": _summary(members)}
        for name, members in zip(names, groups.values(), strict=True)
    ]


def _names(groups: Sequence[Sequence[Mapping[str, Any]]]) -> list[str]:
    """Backbone and pool of each group; groups that share both are told apart by the name of their first run."""
    plain = [f"{g[0]['network']['backbone']} + {g[0]['network']['pool']}" for g in groups]
    return [f"{n} ({g[0]['path']})" if plain.count(n) > 1 else n for n, g in zip(plain, groups, strict=True)]


def _summary(runs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Mean, least and largest over the seeds: each measure at the last point, and the epochs to the target."""
    found = {
        f"{measured}.{key}": _spread([run["points"][-1][measured][key] for run in runs])
        for measured, key in SCALARS
        if all(measured in run["points"][-1] for run in runs)
    }
    found["loss"] = _spread([run["points"][-1]["loss"] for run in runs])
    found["accuracy"] = _spread([run["accuracies"][-1] if run["accuracies"] else None for run in runs])
    found["epochs_to_reach"] = _spread([run["epochs_to_reach"] for run in runs])
    return found


def _spread(values: Sequence[float | None]) -> dict[str, Any] | None:
    known = [value for value in values if value is not None]
    if not known or len(known) < len(values):
        return None
    return {"mean": sum(known) / len(known), "low": min(known), "high": max(known), "per_seed": known}
