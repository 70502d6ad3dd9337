"""``compare``: does second-order pooling pay on these pictures, with which backbone, at what cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from time import perf_counter
from typing import Any

from covpool.data import ImageSource, open_images
from covpool.data.loader import OnBadImage
from covpool.evaluation import stamp, write_json
from covpool.evaluation.predict import pick_device
from covpool.recipes import Choice, Recipe
from covpool.studies.advice import advise
from covpool.studies.end_to_end import EndToEnd, default_recipe, trained_rows
from covpool.studies.frozen import MOST_CHANNELS, Frozen, backbone_features, frozen_rows
from covpool.studies.request import CompareError, check_request, read_choices, wants_weights, weights_origin
from covpool.studies.rows import Filled, Plan, difference, plan_rows, records
from covpool.training.fit import ignore
from covpool.training.loop.engine import Listener

SCHEMA = "covpool-compare/1"


@dataclass
class _Study:
    """Filled rows and the facts that go beside them."""

    rows: list[Filled] = field(default_factory=list)
    skipped: dict[str, int] = field(default_factory=lambda: {"train": 0, "val": 0})
    image_sizes: list[int] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)


def compare(
    data: str | ImageSource,
    *,
    backbones: Sequence[str],
    pools: str | Iterable[str | Choice],
    out: str | Path,
    val: str | None = None,
    seeds: int = 3,
    frozen: bool = False,
    stages: Sequence[str] = ("middle", "last"),
    epochs: int | None = None,
    image_size: int | None = None,
    controls: bool = True,
    pretrained: bool | None = None,
    recipe: Recipe | None = None,
    most_channels: int | None = MOST_CHANNELS,
    cache: str | Path | None = None,
    workers: int | None = None,
    on_bad_image: OnBadImage = "stop",
    download: bool = False,
    device: str = "auto",
    listen: Listener = ignore,
) -> dict[str, Any]:
    """Compare pools on backbones; returns the results that are also written to ``out/results.json``.

    End to end (default), every row is a network trained by one recipe, with a run folder for each seed; an interrupted
    comparison goes on when called again with the same arguments. With ``frozen``, features are extracted once and
    linear classifiers judge the pools, in minutes. Average pooling is always in the comparison, and each second-order
    row has a width-matched first-order control. docs/howto/reading-the-compare-table.md explains every column.

    Args:
        data: folder, tar, named set, or pictures at hand.
        backbones: names as for ``create_network``.
        pools: names or choices, such as ["gem", "isqrt(steps=3)"] or "gem,isqrt".
        out: folder of the results; results.json is replaced.
        val: folder or tar of the test pictures, where ``data`` holds training pictures only.
        seeds: number of runs of a row: seeds 0, 1, ...
        stages: (frozen) stages of the backbone, as ``StageFeatures`` names them.
        epochs: (end to end) instead of the recipe's.
        image_size: instead of the backbone's or the recipe's.
        controls: whether second-order rows get their controls.
        pretrained: whether backbones start from pretrained weights; None: all but our own small ones, which have none.
        recipe: (end to end) how to train; None: see ``default_recipe``.
        most_channels: (frozen) channels of a second-order row after PCA, unless its choice says ``reduce_to``.
        cache: (frozen) folder of the features; None: ~/.cache/covpool/features.
        workers: processes that read pictures; None: the recipe's, and none in the frozen mode.
        download: fetch a named set that is absent.
        listen: called with each event.

    Raises:
        CompareError: mistakes in names, options and numbers, all of them, before anything is read.
        KeyboardInterrupt: Ctrl-C; what was finished stays and is reused.
    """
    start = perf_counter()
    choices = read_choices(pools)
    check_request(backbones, seeds, stages if frozen else None, epochs)
    images = _open(data, val, download)
    names, places = list(dict.fromkeys(backbones)), [str(s) for s in dict.fromkeys(stages)] if frozen else [None]
    plans = plan_rows(names, places, choices, controls=controls)
    weights = {name: wants_weights(name, pretrained) for name in names}
    place, runs = pick_device(device), list(range(seeds))
    changes = {"epochs": epochs, "image_size": image_size, "workers": workers, "on_bad_image": on_bad_image}
    listen({"event": "compare-start", "rows": [plan.id for plan in plans], "seeds": seeds})
    if frozen:
        folder = Path.home() / ".cache" / "covpool" / "features" if cache is None else Path(cache).expanduser()
        settings = Frozen(
            stages=[str(stage) for stage in places],
            seeds=runs,
            pretrained=weights,
            image_size=image_size,
            cache=folder,
            device=place,
            most_channels=most_channels,
            workers=workers or 0,
            on_bad_image=on_bad_image,
        )
        study = _frozen(plans, images, settings, listen)
    else:
        recipes = {n: default_recipe(n, images, recipe, pretrained=weights[n], **changes) for n in names}
        study = _end_to_end(plans, images, EndToEnd(recipes=recipes, seeds=runs, out=Path(out), device=place), listen)
    asked = {"backbones": names, "pools": [str(choice) for choice in choices], "seeds": runs}
    asked["pretrained"] = any(weights.values())
    asked["weights"] = "; ".join(weights_origin(name, wanted) for name, wanted in weights.items())
    results = _results("frozen" if frozen else "end-to-end", images, asked, study)
    results["seconds"] = perf_counter() - start
    write_json(Path(out) / "results.json", results)
    listen({"event": "compare-end"})
    return results


def _open(data: str | ImageSource, val: str | None, download: bool) -> ImageSource:
    images = data if isinstance(data, ImageSource) else open_images(data, val=val, download=download)
    absent = [part for part in ("train", "val") if not getattr(images, part)]
    if absent:
        raise CompareError([f"data: {images.name} has no {part} pictures, which a comparison needs" for part in absent])
    return images


def _frozen(plans: Sequence[Plan], images: ImageSource, settings: Frozen, listen: Listener) -> _Study:
    stages, most = list(settings.stages), settings.most_channels
    study = _Study(settings={"epochs": None, "recipe": None, "stages": stages, "pca": most})
    for backbone, group in groupby(plans, key=lambda plan: plan.backbone):
        features = backbone_features(backbone, images, settings, listen)
        study.image_sizes.append(features.preprocessing.image_size)
        study.skipped = {"train": features.train.skipped, "val": features.test.skipped}
        study.rows += frozen_rows(list(group), images, features, settings, listen)
    return study


def _end_to_end(plans: Sequence[Plan], images: ImageSource, settings: EndToEnd, listen: Listener) -> _Study:
    recipe = next(iter(settings.recipes.values()))
    told = {"epochs": recipe.schedule.epochs, "recipe": recipe.to_dict(), "stages": None, "pca": None}
    study = _Study(settings=told)
    for found in trained_rows(plans, images, settings, listen):
        study.rows.append(found.row)
        study.image_sizes.append(found.image_size)
        study.skipped = found.skipped
    return study


def _results(mode: str, images: ImageSource, asked: Mapping[str, Any], study: _Study) -> dict[str, Any]:
    assert images.train is not None
    assert images.val is not None
    rows = records(study.rows, images.val)
    by_id = {row.plan.id: row for row in study.rows}
    return {
        "schema": SCHEMA,
        "mode": mode,
        **stamp(),
        "data": {
            "source": images.name,
            "description": _without_paths(images),
            "classes": images.classes,
            "train_images": len(images.train) - study.skipped["train"],
            "val_images": len(images.val) - study.skipped["val"],
            "skipped": study.skipped,
            "image_size": study.image_sizes[0],
        },
        "settings": {**asked, **study.settings},
        "rows": rows,
        "advice": advise(rows, lambda a, b: difference(by_id[a], by_id[b])),
    }


def _without_paths(images: ImageSource) -> str:
    """The description with names in place of paths: results are passed around, and paths tell of a machine."""
    text = images.description
    for part in (images.train, images.val):
        if part is not None and part.place:
            text = text.replace(part.place, Path(part.place).name)
    return text
