"""The likely causes of a value that is no number, judged by what was found; the three likeliest are told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from covpool.training.doctor.examine import Finding

HALF_MAX = 65504.0  # the largest float16
_ROOTS = ("normalize", "describe", "reweight", "vectorize", "pool")


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What speaks for one cause or another.

    Attributes:
        finding: where it began.
        value: what the loss or the norm was: NaN or infinite.
        precision: of the recipe.
        losses: of the steps before.
        lr, peak_lr: of the step, and of the recipe.
        clips: whether the recipe clips gradients.
        weight_max: the largest weight, where all are finite.
        picture_max: the largest number in the step's pictures, without sign.
    """

    finding: Finding
    value: float
    precision: str
    losses: list[float] = field(default_factory=list)
    lr: float
    peak_lr: float
    clips: bool
    weight_max: float | None
    picture_max: float

    def __getitem__(self, name: str) -> Any:
        """A fact about the finding, or None."""
        return self.finding.about.get(name)


Weighed = tuple[float, str]


def likely_causes(evidence: Evidence, count: int = 3) -> list[str]:
    """The ``count`` causes that the evidence speaks for most, likeliest first, each with what to do."""
    weighed = [cause for judge in _JUDGES for cause in judge(evidence)]
    return [sentence for _, sentence in sorted(weighed, key=lambda cause: -cause[0])[:count]]


def _input(e: Evidence) -> Iterator[Weighed]:
    if e.finding.stage == "input":
        images = ", ".join(map(str, e["images"][:8]))
        which = f"pictures {images} of the batch hold" if e["images"] else "the targets hold"
        yield 10.0, f"{which} NaN or infinity: look at the files and the augmentation (covpool data check, data show)"
        yield (
            4.0,
            "a division by next to nothing in a transform: transform.std, or a constant picture that is scaled",
        )
        yield 3.0, "a transform of your own that computes in float16, or takes the logarithm or the root of a pixel"
    elif e.picture_max > 1e3:
        yield (
            5.0,
            f"pictures with numbers as large as {e.picture_max:.3g}: were they scaled to 0..1 and normalised "
            "(transform.mean, transform.std)?",
        )


def _update(e: Evidence) -> Iterator[Weighed]:
    if e.finding.stage != "update":
        return
    names = ", ".join(e["parameters"])
    if e["optimizer_state"]:
        yield (
            10.0,
            f"the optimizer's own numbers are spoilt ({e['optimizer_state']}): resume from an older checkpoint, "
            "or start the optimizer anew from the weights",
        )
    yield 8.0, f"the update of the step before overflowed in {names}: lower optimizer.lr (it was {e.lr:.3g})"
    yield 3.0, "a decay or an average of weights that divides by zero: look at optimizer.weight_decay and ema"
    yield 2.5, "the weights were no numbers when the run began or was resumed: check the file with covpool weights show"


def _statistics(e: Evidence) -> Iterator[Weighed]:
    if e.finding.stage != "statistics":
        return
    names = ", ".join(e["statistics"])
    yield (
        8.0,
        f"features so large that their variance overflowed in {names}: training goes on, but evaluation divides by "
        f"it; lower optimizer.lr (it was {e.lr:.3g})",
    )
    yield 3.0, "statistics that were no numbers when the run began: check the file with covpool weights show"


def _learning_rate(e: Evidence) -> Iterator[Weighed]:
    advice = f"lower optimizer.lr (now {e.lr:.3g}), lengthen schedule.warmup_epochs, or set optimizer.clip_grad_norm"
    told = [loss for loss in e.losses if loss == loss]
    rising = len(told) >= 3 and told[-1] > 2.0 * min(told)
    if rising:
        yield 7.0, f"a learning rate that is too high: the loss rose from {min(told):.3g} to {told[-1]:.3g}; {advice}"
    elif e.weight_max is not None and e.weight_max > 1e3:
        yield 7.0, f"a learning rate that is too high: weights have grown to {e.weight_max:.3g}; {advice}"
    else:
        yield 2.0, f"a learning rate that is too high, though the loss was not seen to rise; {advice}"
    if not e.clips and e.finding.direction == "backward":
        yield 2.5, "a gradient that is rarely huge: optimizer.clip_grad_norm 1.0 bounds it, where it stays finite"


def _number_format(e: Evidence) -> Iterator[Weighed]:
    high = max(abs(e["max"] or 0.0), abs(e["min"] or 0.0))
    if e.precision == "16-mixed":
        score = 8.0 if high > HALF_MAX / 100 else 4.0
        yield (
            score,
            f"an overflow of float16 (up to {HALF_MAX:.0f}; seen {high:.3g}): train with precision bf16-mixed",
        )
    elif high > 1e18:
        yield 7.0, f"an overflow: {e.finding.module or 'the network'} was given numbers as large as {high:.3g}"
    elif e.precision == "bf16-mixed":
        yield 2.2, "the three digits of bfloat16, in which differences of near numbers vanish: try precision 32-true"


def _covariance(e: Evidence) -> Iterator[Weighed]:
    if e.finding.stage not in _ROOTS:
        return
    trace, filled, channels = e["trace_min"], e["filled_min"], e["channels"]
    if trace is not None and trace <= 1e-12:
        yield (
            9.0,
            f"a picture whose map does not vary (trace of its covariance {trace:.3g}): the root divides by it; look "
            "for empty pictures, dead ReLUs after the reduction, or give the pool a ridge",
        )
    elif trace is not None and trace > 1e15:
        yield 8.0, f"features that have grown (trace of the covariance {trace:.3g}): lower optimizer.lr"
    if filled is not None and filled < 1.0:
        score = 6.0 if e.finding.direction == "backward" else 3.5
        yield (
            score,
            f"a covariance of {channels} channels that fills {filled:.0%} of its directions: roots and eigenvectors "
            "have infinite gradients at zero; use more positions (network.last_stride 1), fewer channels "
            "(network.reduce_to), a ridge, or the pool isqrt",
        )


def _domain(e: Evidence) -> Iterator[Weighed]:
    low, zeros = e["min"], e["zeros"]
    if e.finding.where in ("output", "arithmetic") and low is not None and low < 0 and "Norm" not in e.finding.kind:
        yield 3.0, f"a logarithm or a root of a negative number: {_place(e)} was given numbers down to {low:.3g}"
    if e.finding.direction == "backward" and zeros:
        yield (
            4.0,
            f"a root, a norm or a power at zero, where its gradient is infinite: {zeros:.0%} of the input is",
        )
    if e.finding.where in ("output", "arithmetic"):
        yield 2.8, f"a division by zero in {_place(e)}: a norm, a deviation or a sum that can vanish needs an eps"
    if e.finding.where in ("gradient", "arrival"):
        yield 3.2, f"a backward of its own in {_place(e)} that divides by zero or overflows: check it with gradcheck"


def _loss(e: Evidence) -> Iterator[Weighed]:
    if e.finding.stage != "loss":
        return
    logit = e["largest_logit"]
    if logit is not None and logit > 80:
        yield (
            6.0,
            f"logits as large as {logit:.3g}, whose exponential overflows beyond 88: lower optimizer.lr",
        )
    yield 5.0, f"the loss {e.finding.kind} itself: a logarithm of zero or a division by the number of positive targets"
    yield 4.0, "targets it cannot take: labels out of range, or soft targets that are negative or no numbers"


def _not_repeated(e: Evidence) -> Iterator[Weighed]:
    if e.finding.stage != "unknown":
        return
    if e.precision == "16-mixed":
        yield 9.0, "a loss scale under which all gradients of late overflowed: lower loss_scale, or leave it out"
    yield (
        6.0,
        "something that is not the same twice: a device's order of adding, a module with a state of its own",
    )
    yield 5.0, "a sum of squares that overflowed although every gradient was finite: set optimizer.clip_grad_norm lower"
    yield 4.0, "memory that went bad, or a kernel that read what was not written: try another machine or --device cpu"


def _always(e: Evidence) -> Iterator[Weighed]:
    yield 1.0, "weights that were read from a damaged or foreign file: verify it (covpool weights verify)"
    yield 0.5, "pictures far from what the network was made for: look at what it sees (covpool data show)"


_JUDGES = (
    _input,
    _update,
    _statistics,
    _learning_rate,
    _number_format,
    _covariance,
    _domain,
    _loss,
    _not_repeated,
    _always,
)


def _place(e: Evidence) -> str:
    return e.finding.module or "the network"
