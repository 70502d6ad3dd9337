"""Pictures changed on purpose, within a bound on every value: FGSM and PGD."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from covpool.data import ImageSet
from covpool.data.corruptions import random_numbers
from covpool.evaluation.predict import evaluating
from covpool.evaluation.robustness.pictures import Piece, Shown, parts_of, shown_by
from covpool.evaluation.robustness.records import CLEAN, Condition, Count, Records
from covpool.evaluation.robustness.subject import Progress, Subject, wrong_answers
from covpool.registry import unknown

Logits = Callable[[Tensor], Tensor]
ATTACKS = ("fgsm", "pgd")
PGD_STEPS = 10
_STEP = 2.5  # of epsilon / steps: enough to reach the bound from anywhere (Madry et al. 2018)


def fgsm(logits: Logits, pixels: Tensor, labels: Tensor, epsilon: float) -> Tensor:
    r"""One step of ``epsilon`` up the sign of the gradient of the loss, cut to 0..255.

    $x + \epsilon\, \mathrm{sign}\, \nabla_x L(x, y)$. Source: Goodfellow, Shlens and Szegedy, ICLR 2015.

    Args:
        logits: pixels (B, 3, H, W) in 0..255 -> (B, K), differentiable.
        epsilon: in grey levels, of 255.
    """
    return (pixels + epsilon * _uphill(logits, pixels, labels).sign()).clamp(0, 255)


def pgd(
    logits: Logits, pixels: Tensor, labels: Tensor, epsilon: float, start: Tensor, steps: int = PGD_STEPS
) -> Tensor:
    """``steps`` steps up the sign of the gradient, each brought back to within ``epsilon`` of the picture and 0..255.

    Source: Madry et al., ICLR 2018, eq. in section 2.1.

    Args:
        start: where to begin, relative to the picture: uniform in -epsilon..epsilon for the published attack.
        steps: 10, each 2.5 epsilon / steps long.
    """
    found = (pixels + start).clamp(0, 255)
    for _ in range(steps):
        found = found + _STEP * epsilon / steps * _uphill(logits, found, labels).sign()
        found = torch.minimum(torch.maximum(found, pixels - epsilon), pixels + epsilon).clamp(0, 255)
    return found


def _uphill(logits: Logits, pixels: Tensor, labels: Tensor) -> Tensor:
    with torch.enable_grad():
        x = pixels.detach().requires_grad_()
        return torch.autograd.grad(F.cross_entropy(logits(x), labels, reduction="sum"), x)[0]


def judge_attacks(
    subject: Subject,
    images: ImageSet,
    attacks: Sequence[str],
    epsilons: Sequence[float],
    *,
    seed: int = 0,
    progress: Progress | None = None,
) -> Records:
    """Count wrong answers under every attack at every epsilon; each picture is decoded once.

    The attack knows the network and the true label, and works in float32 on the square that the network sees; its
    pictures are not rounded to 8 bits. The random start of a picture belongs to (seed, key, epsilon).

    Raises:
        ValueError: no such attack, or an epsilon that is not above 0.
    """
    strange = [name for name in attacks if name not in ATTACKS]
    if strange:
        raise ValueError(unknown("attack", strange[0], ATTACKS))
    if any(epsilon <= 0 for epsilon in epsilons):
        raise ValueError(f"epsilon needs to be above 0, in grey levels of 255; got {list(epsilons)}")
    conditions = [Condition(name, epsilon) for name in attacks for epsilon in epsilons]
    parts = parts_of(len(images), subject.preprocessing.image_size)
    todo = {part: [CLEAN] for part in range(len(parts))}
    stop = not subject.skip_broken
    shown = Shown(images, subject.geometry, parts, todo, subject.batch_size, stop_at_broken=stop)
    counts = dict.fromkeys([CLEAN, *conditions], Count(0, 0))
    columns = subject.columns(images.classes).to(subject.device)
    done = 0
    for piece in shown_by(shown, subject.workers):
        if piece.broken:
            if stop:
                raise piece.broken[0]
            continue
        keys = [images.keys[index] for index in piece.indices.tolist()]
        for condition in counts:
            wrong = _wrong(subject, piece, keys, columns, condition, seed)
            counts[condition] = Count(counts[condition].images + len(keys), counts[condition].wrong + wrong)
        done += len(keys)
        if progress is not None:
            progress(done, len(images))
    records = Records(None, {})
    for condition, count in counts.items():
        records.add(condition, 0, count)
    return records


def _wrong(
    subject: Subject, piece: Piece, keys: Sequence[str], columns: Tensor, condition: Condition, seed: int
) -> int:
    pixels = piece.pixels.movedim(-1, 1).float().to(subject.device)
    labels = piece.labels.to(subject.device)

    def logits(x: Tensor) -> Tensor:
        return subject.outputs_of(x)[:, columns]

    with evaluating(subject.network):
        if condition.name == "fgsm":
            pixels = fgsm(logits, pixels, labels, condition.level)
        elif condition.name == "pgd":
            start = _starts(pixels.shape[1:], condition, keys, seed).to(subject.device)
            pixels = pgd(logits, pixels, labels, condition.level, start)
        with torch.no_grad():
            return wrong_answers(subject.outputs_of(pixels), labels, columns)


def _starts(shape: Sequence[int], condition: Condition, keys: Sequence[str], seed: int) -> Tensor:
    bound = condition.level
    each = [random_numbers(seed, key, *condition).uniform(-bound, bound, shape) for key in keys]
    return torch.from_numpy(np.stack(each)).float()
