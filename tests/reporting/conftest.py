"""Results as ``covpool compare`` writes them, made up with a plausible shape."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest
from PIL import Image

MACHINE = {"cpu": "Two-core CPU", "cores": 2, "threads": 2, "accelerator": None, "system": "Linux",
           "python": "3.11.7", "torch": "2.14.1"}  # fmt: skip
ACCURACY = {"avg": 0.912, "gem": 0.918, "covariance": 0.936, "isqrt": 0.955, "bilinear": 0.93}


def make_results(
    *,
    frozen: bool = False,
    backbones: tuple[str, ...] = ("conv4",),
    pools: tuple[str, ...] = ("avg", "gem", "covariance", "isqrt"),
    classes: int = 10,
    seeds: int = 3,
    epochs: int = 8,
    mistakes: int = 12,
) -> dict[str, Any]:
    """A results dictionary; the same arguments give the same one."""
    stages = ("middle", "last") if frozen else (None,)
    names = [str(i) if classes <= 10 else f"class {i:02d}" for i in range(classes)]
    make = _Rows(np.random.default_rng(0), names, 0 if frozen else epochs, seeds, mistakes)
    groups = [(backbone, stage) for backbone in backbones for stage in stages]
    return {
        "schema": "covpool-compare/1",
        "mode": "frozen" if frozen else "end-to-end",
        "date": "2026-03-01T10:00:00+00:00",
        "version": "0.1.0",
        "commit": "0123456789ab",
        "machine": MACHINE,
        "data": {"source": "mnist5k", "description": "handwritten digits, 28 x 28", "classes": names,
                 "train_images": 1000, "val_images": 2000, "skipped": {"train": 1, "val": 0},
                 "image_size": 28},
        "settings": {"backbones": list(backbones), "pools": list(pools), "seeds": list(range(seeds)),
                     "epochs": None if frozen else epochs, "recipe": None,
                     "stages": list(stages) if frozen else None, "pca": 64 if frozen else None,
                     "pretrained": frozen, "weights": "an installed package" if frozen else None},
        "rows": [row for group in groups for pool in pools for row in make.rows(*group, pool)],
        "advice": "Use isqrt on conv4: it is 4.3 points better than average pooling (3.1 to 5.5), and "
                  "better than a first-order control of the same width.",
    }  # fmt: skip


class _Rows:
    def __init__(self, random: Any, names: list[str], epochs: int, seeds: int, mistakes: int) -> None:
        self.random, self.names, self.epochs, self.seeds, self.mistakes = random, names, epochs, seeds, mistakes

    def rows(self, backbone: str, stage: str | None, pool: str) -> list[dict[str, Any]]:
        second = pool in ("covariance", "isqrt", "bilinear")
        rows = [self.row(backbone, stage, pool, "baseline" if pool == "avg" else "pool", second)]
        if second:
            rows.append(self.row(backbone, stage, pool, "control", second))
        return rows

    def row(self, backbone: str, stage: str | None, pool: str, role: str, second: bool) -> dict[str, Any]:
        name = f"{backbone}/{stage}" if stage else backbone
        mean = (0.922 if role == "control" else ACCURACY[pool]) - (0.12 if stage == "last" else 0)
        mean -= 0.03 * (len(backbone) % 3)
        lowered = ACCURACY[pool] if role != "control" else 0.922
        to_average = lowered - ACCURACY["avg"]
        per_seed = [mean + float(d) for d in self.random.normal(0, 0.004, self.seeds)]
        width = 96 if not second else 4656
        compared = {"to": f"{name}/avg", **_difference(to_average)}
        return {
            "id": f"{name}/{pool}" + ("+control" if role == "control" else ""),
            "backbone": backbone, "stage": stage, "pool": pool, "role": role,
            "control_of": f"{name}/{pool}" if role == "control" else None,
            "order": 2 if second and role != "control" else 1,
            "feature_map": [96, 7, 7], "reduced_to": None, "out_features": width,
            "accuracy": {"mean": mean, "low": mean - 0.011, "high": mean + 0.010, "per_seed": per_seed,
                         "level": 0.95, "method": "Wilson interval widened by the spread of the seeds"},
            "difference": None if role == "baseline" else compared,
            "difference_to_control": {"to": f"{name}/{pool}+control", **_difference(lowered - 0.922)}
            if second and role == "pool" else None,
            "cost": {"parameters": 72_000 + 10 * width, "flops": 17.3e6 + 2 * 96 * width * second,
                     "ms_per_image": 0.31 + 0.2 * second, "ms_per_image_spread": [0.3, 0.35],
                     "peak_memory_mb": 31.2 + 9 * second, "train_seconds": None if stage else 11.5 + 4 * second,
                     **({"pooling_ms_per_image": 0.02 + 0.2 * second} if stage else {})},
            "curves": [self.curve(seed, mean) for seed in range(self.seeds)] if self.epochs else [],
            "confusion": self.confusion(mean), "mistakes": [self.mistake(i) for i in range(self.mistakes)],
            "effective_rank": 12.3 if second else None,
            "chosen": {"penalty": [0.01, 0.1], "scaling": ["standard", "none"]} if stage else None,
            "seconds": 12.0,
        }  # fmt: skip

    def curve(self, seed: int, end: float) -> dict[str, Any]:
        epoch = list(range(self.epochs))
        rise = [end * (1 - 0.6 * 0.5 ** (e + 1)) + float(self.random.normal(0, 0.006)) for e in epoch]
        loss = [2.3 * 0.55 ** (e + 1) + 0.05 + abs(float(self.random.normal(0, 0.02))) for e in epoch]
        return {"seed": seed, "epoch": epoch, "train_loss": loss, "eval_loss": [v * 1.2 for v in loss],
                "eval_top1": rise}  # fmt: skip

    def confusion(self, mean: float) -> list[list[int]]:
        K = len(self.names)
        counts = np.diag(np.full(K, round(600 * mean)))
        for i in range(K):
            for j in self.random.choice(K, 4):
                counts[i, j] += int(self.random.integers(1, 30)) if i != j else 0
        return counts.tolist()

    def mistake(self, i: int) -> dict[str, Any]:
        true, taken = self.random.choice(len(self.names), 2, replace=False)
        return {"key": f"val/{self.names[true]}/{i:04d}.png", "label": self.names[true],
                "predicted": self.names[taken], "confidence": 0.99 - 0.02 * i, "wrong_seeds": 1 + i % 3,
                "picture": picture(i)}  # fmt: skip


def _difference(mean: float) -> dict[str, Any]:
    low, high = mean - 0.012, mean + 0.012
    return {"mean": mean, "low": low, "high": high,
            "verdict": "better" if low > 0 else "worse" if high < 0 else "within noise"}  # fmt: skip


@cache
def picture(i: int) -> str:
    """A pattern as the data URI of a JPEG."""
    rows, columns = np.indices((8, 8))
    pixels = ((rows * (i + 3) + columns * columns) * 7 % 256).astype(np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).resize((64, 64)).save(out, "JPEG")
    return "data:image/jpeg;base64," + base64.b64encode(out.getvalue()).decode()


@pytest.fixture(scope="session")
def results_like() -> Callable[..., dict[str, Any]]:
    """The factory of results."""
    return make_results


@pytest.fixture
def results() -> dict[str, Any]:
    """An end-to-end comparison of four pools on one backbone."""
    return make_results()
