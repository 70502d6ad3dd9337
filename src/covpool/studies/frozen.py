"""The frozen study: features once, pools without training, linear classifiers with a penalty chosen on train."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
from covpool.evaluation import Cost, cost
from covpool.evaluation.cost import cost_on
from covpool.models import StageFeatures
from covpool.studies.chains import Maps, Rows, control_chain, reduction, row_chain
from covpool.studies.features import StoredMaps, extract
from covpool.studies.linear import Judged, judge_vectors
from covpool.studies.rows import Filled, Plan
from covpool.studies.vectors import chunks, pooled_vectors
from covpool.training.loop.engine import Listener

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
    """Fill the rows of one backbone in their order. Rows of one width at one stage share their control."""
    trunks = {stage: _trunk_cost(plans[0].backbone, stage, features, settings) for stage in settings.stages}
    controls: dict[tuple[str | None, int], Filled] = {}
    width = 0
    for plan in plans:
        start = perf_counter()
        filled = controls.get((plan.stage, width)) if plan.control_of else None
        if filled is None:
            chain = _chain(plan, features, settings)
            filled = _judge(plan, chain, images, features, settings, listen)
            filled.record["cost"] = _cost(plan, chain, len(images.classes), trunks[str(plan.stage)], features)
        else:
            filled = Filled(plan, filled.runs, dict(filled.record))
            _tell(filled, settings, listen)
        filled.record["seconds"] = perf_counter() - start
        width = filled.record["out_features"]
        if plan.control_of:
            controls[plan.stage, width] = filled
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
    filled = Filled(plan, runs, record)
    _tell(filled, settings, listen)
    return filled


def _tell(filled: Filled, settings: Frozen, listen: Listener) -> None:
    for seed, run in zip(settings.seeds, filled.runs, strict=True):
        listen({"event": "row-end", "row": filled.plan.id, "seed": seed, "top1": float(run.correct.mean())})


@torch.inference_mode()
def mean_effective_rank(chain: nn.Sequential, maps: Maps, rows: Rows) -> float:
    """Mean over up to 256 pictures of the effective rank of the covariance that the row's pool sees."""
    rows = rows[:: max(1, len(rows) // RANK_PICTURES)][:RANK_PICTURES]
    reduce = chain.get_submodule("reduce") if hasattr(chain, "reduce") else nn.Identity()
    ranks = [effective_rank(spectrum(reduce(part))) for _, part in chunks(maps, rows)]
    return float(torch.cat(ranks).mean())


class _Head(nn.Module):
    """Everything after the trunk: projection, pool, linear classifier."""

    def __init__(self, chain: nn.Module, width: int, num_classes: int) -> None:
        super().__init__()
        self.chain, self.classifier = chain, nn.Linear(width, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.chain(x))


class _Trunk(nn.Module):
    """The backbone up to one stage, as one map."""

    def __init__(self, backbone: str, stage: str, image_size: int | None) -> None:
        super().__init__()
        self.features = StageFeatures(backbone, [stage], image_size=image_size)

    def forward(self, x: Tensor) -> Tensor:
        return next(iter(self.features(x).values()))


def _trunk_cost(backbone: str, stage: str, features: Features, settings: Frozen) -> Cost:
    trunk, size = _Trunk(backbone, stage, settings.image_size), features.preprocessing.image_size
    return cost(trunk, size, batch_size=TIMED_PICTURES, device=settings.device)


def _cost(plan: Plan, chain: nn.Module, num_classes: int, trunk: Cost, features: Features) -> dict[str, Any]:
    """The cost of the network that the row stands for: trunk and head measured apart and put together.

    The trunk is measured once a stage, so that rows differ by what differs. Times and operations add up. The peak of
    memory is in the trunk, with the head's parameters waiting, or in the head, with the trunk's.
    """
    maps = torch.from_numpy(np.array(features.test.maps[str(plan.stage)][:TIMED_PICTURES]))
    device = next(chain.buffers(), torch.zeros(0)).device
    with torch.no_grad():
        width = chain.eval()(maps.to(device)).shape[1]
    head = cost_on(_Head(chain, width, num_classes).to(device), maps.to(device))
    spread = [a + b for a, b in zip(trunk.ms_per_image_spread, head.ms_per_image_spread, strict=True)]
    return {
        "parameters": trunk.parameters + head.parameters,
        "flops": trunk.flops + head.flops,
        "ms_per_image": trunk.ms_per_image + head.ms_per_image,
        "ms_per_image_spread": spread,
        "peak_memory_mb": max(
            trunk.peak_memory_mb + 4e-6 * head.parameters, head.peak_memory_mb + 4e-6 * trunk.parameters
        ),
        "batch_size": trunk.batch_size,
        "train_seconds": None,
        "pooling_ms_per_image": head.ms_per_image,
        "backbone_ms_per_image": trunk.ms_per_image,
    }
