"""The frozen study: features once, pools without training, linear classifiers with a penalty chosen on train."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from covpool.analysis import effective_rank, spectrum
from covpool.data import ImageSource, Preprocessing, preprocessing_for
from covpool.data.loader import OnBadImage
from covpool.evaluation import cost
from covpool.evaluation.cost import quartiles, time_repeats
from covpool.models import StageFeatures
from covpool.studies.chains import Assembled, control_chain, reduction, row_chain
from covpool.studies.features import StoredMaps, extract
from covpool.studies.linear import Judged, judge_vectors
from covpool.studies.rows import Filled, Plan
from covpool.studies.vectors import chunks, pooled_vectors

Listener = Callable[[Mapping[str, Any]], None]
MOST_CHANNELS = 128  # pooled by a second-order row that does not say reduce_to: 8,256 numbers
RANK_PICTURES = 256  # for the mean effective rank
TIMED_PICTURES = 8  # a batch, as in ``evaluation.cost``


@dataclass(frozen=True, kw_only=True)
class Frozen:
    """Settings of a frozen study."""

    stages: Sequence[str]
    seeds: Sequence[int]
    pretrained: Mapping[str, bool]
    image_size: int | None
    cache: Path
    device: torch.device
    most_channels: int | None = MOST_CHANNELS
    workers: int = 0
    on_bad_image: OnBadImage = "stop"


@dataclass(frozen=True)
class Features:
    """The maps of the training and the test pictures from one backbone."""

    preprocessing: Preprocessing
    train: StoredMaps
    test: StoredMaps


def backbone_features(name: str, images: ImageSource, settings: Frozen, listen: Listener) -> Features:
    """Maps of both sets, from the cache or the backbone."""
    assert images.train is not None
    assert images.val is not None
    trunk = StageFeatures(name, settings.stages, pretrained=settings.pretrained[name], image_size=settings.image_size)
    preprocessing = preprocessing_for(trunk.pretrained_cfg, image_size=settings.image_size)
    total = len(images.train) + len(images.val)

    def stored(which: str, before: int) -> StoredMaps:
        return extract(
            trunk,
            getattr(images, which),
            preprocessing,
            settings.cache,
            name=name,
            workers=settings.workers,
            on_bad_image=settings.on_bad_image,
            device=settings.device,
            progress=lambda done: listen({"event": "extract", "done": before + done, "total": total}),
        )

    return Features(preprocessing, stored("train", 0), stored("val", len(images.train)))


def frozen_rows(
    plans: Sequence[Plan], images: ImageSource, features: Features, settings: Frozen, listen: Listener
) -> Iterator[Filled]:
    """Fill the rows of one backbone in their order."""
    trunk_ms = {stage: _trunk_ms(plans[0].backbone, stage, features, settings) for stage in settings.stages}
    for plan in plans:
        start = perf_counter()
        chain = _chain(plan, features, settings)
        filled = _judge(plan, chain, images, features, settings, listen)
        filled.record["cost"] = _cost(plan, chain, filled.record, len(images.classes), features, settings)
        filled.record["cost"]["backbone_ms_per_image"] = trunk_ms[str(plan.stage)]
        filled.record["seconds"] = perf_counter() - start
        yield filled


def _chain(plan: Plan, features: Features, settings: Frozen) -> nn.Sequential:
    maps, rows = features.train.maps[str(plan.stage)], features.train.kept
    if plan.control_of is not None:
        return control_chain(plan.choice, maps, rows, settings.most_channels, settings.device)
    return row_chain(plan.choice, maps, rows, settings.most_channels)


def _judge(
    plan: Plan,
    chain: nn.Sequential,
    images: ImageSource,
    features: Features,
    settings: Frozen,
    listen: Listener,
) -> Filled:
    """Vectors, classifiers, predictions."""
    assert images.train is not None
    assert images.val is not None
    stage, seeds = str(plan.stage), settings.seeds
    listen({"event": "row-start", "row": plan.id, "seed": seeds[0]})
    train = pooled_vectors(chain, features.train.maps[stage], features.train.kept, settings.device)
    test = pooled_vectors(chain, features.test.maps[stage], features.test.kept, settings.device)
    width, kept = train.shape[1], features.test.kept
    labels = images.train.labels[features.train.kept]
    answers = judge_vectors(train, labels, test, len(images.classes), seeds)
    runs = [Judged.of(logits, images.val.labels[kept], kept) for logits, _ in answers]
    for seed, run in zip(seeds, runs, strict=True):
        listen({"event": "row-end", "row": plan.id, "seed": seed, "top1": float(run.correct.mean())})
    maps = features.test.maps[stage]
    is_control = plan.control_of is not None
    record = {
        "feature_map": list(maps.shape[1:]),
        "reduced_to": None if is_control else reduction(plan.choice, maps.shape[1], settings.most_channels),
        "out_features": width,
        "curves": [],
        "effective_rank": mean_effective_rank(chain, maps, kept) if plan.order == 2 else None,
        "chosen": {key: [chosen[key] for _, chosen in answers] for key in ("penalty", "scaling")},
    }
    return Filled(plan, runs, record)


@torch.inference_mode()
def mean_effective_rank(chain: nn.Sequential, maps: Any, rows: Any) -> float:
    """Mean over up to 256 pictures of the effective rank of the covariance that the row's pool sees."""
    rows = rows[:: max(1, len(rows) // RANK_PICTURES)][:RANK_PICTURES]
    reduce = chain.get_submodule("reduce") if hasattr(chain, "reduce") else nn.Identity()
    ranks = [effective_rank(spectrum(reduce(part))) for _, part in chunks(maps, rows)]
    return float(torch.cat(ranks).mean())


def _trunk_ms(backbone: str, stage: str, features: Features, settings: Frozen) -> float:
    """Milliseconds a picture that the backbone alone takes up to ``stage``."""
    size = features.preprocessing.image_size
    trunk = StageFeatures(backbone, [stage], image_size=settings.image_size).to(settings.device)
    pictures = torch.zeros(TIMED_PICTURES, 3, size, size, device=settings.device)
    return _median_ms(lambda: trunk(pictures), settings.device)


def _cost(
    plan: Plan,
    chain: nn.Sequential,
    record: Mapping[str, Any],
    num_classes: int,
    features: Features,
    settings: Frozen,
) -> dict[str, Any]:
    """The cost of the assembled network, and the milliseconds of its pooling (with the projection) alone."""
    trunk = StageFeatures(plan.backbone, [str(plan.stage)], image_size=settings.image_size)
    network = Assembled(trunk, chain, record["out_features"], num_classes)
    measured = cost(network, features.preprocessing.image_size, batch_size=TIMED_PICTURES, device=settings.device)
    maps = torch.from_numpy(np.array(features.test.maps[str(plan.stage)][:TIMED_PICTURES])).to(settings.device)
    return {
        **measured.to_dict(),
        "train_seconds": None,
        "pooling_ms_per_image": _median_ms(lambda: _pool(chain, maps), settings.device),
    }


@torch.inference_mode()
def _pool(chain: nn.Sequential, maps: Tensor) -> Tensor:
    return chain(maps)


def _median_ms(work: Callable[[], object], device: torch.device) -> float:
    return 1000 * quartiles(time_repeats(work, repeats=7, device=device))[1] / TIMED_PICTURES
