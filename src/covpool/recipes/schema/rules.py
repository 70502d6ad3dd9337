"""The ranges of a recipe's values: what can be said without looking any name up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from covpool.recipes.schema.recipe import Recipe
    from covpool.recipes.schema.specs import NetworkSpec, OptimizerSpec, ScheduleSpec, TransformSpec


def value_mistakes(recipe: Recipe) -> list[str]:
    """Every value of ``recipe`` that is out of its range, as sentences."""
    return [
        *_network(recipe.network),
        *_transform(recipe.transform),
        *_at_least("loader.batch_size", recipe.loader.batch_size, 1),
        *_at_least("loader.head_batch_size", recipe.loader.head_batch_size, 1),
        *_at_least("loader.workers", recipe.loader.workers, 0),
        *_optimizer(recipe.optimizer),
        *_schedule(recipe.schedule),
        *_curve(recipe.schedule),
        *_stages(recipe),
        *_sizes(recipe.schedule),
        *_averages(recipe),
        *_loss_scale(recipe),
        *_part("ema", recipe.ema),
        *_at_least("seed", recipe.seed, 0),
        *_at_least("checkpoint_every_steps", recipe.checkpoint_every_steps, 1),
    ]


def _network(spec: NetworkSpec) -> Iterator[str]:
    yield from _at_least("network.num_classes", spec.num_classes, 2)
    yield from _at_least("network.embedding", spec.embedding, 1)
    if isinstance(spec.reduce_to, int):
        yield from _at_least("network.reduce_to", spec.reduce_to, 1)
    if spec.last_stride not in (None, 1):
        yield f"network.last_stride needs 1, or none for the backbone's own; got {spec.last_stride}"
    yield from _part("network.drop_rate", spec.drop_rate)
    if spec.hidden and min(spec.hidden) < 1:
        yield f"network.hidden needs lengths of at least 1; got {list(spec.hidden)}"
    if spec.norm_momentum is not None and not 0 < spec.norm_momentum <= 1:
        yield f"network.norm_momentum needs a number above 0 and up to 1; got {spec.norm_momentum}"


def _transform(spec: TransformSpec) -> Iterator[str]:
    yield from _at_least("transform.image_size", spec.image_size, 1)
    if spec.crop_pct is not None and not 0 < spec.crop_pct <= 1:
        yield f"transform.crop_pct needs a number above 0 and up to 1; got {spec.crop_pct}"
    if spec.std is not None and min(spec.std) <= 0:
        yield f"transform.std needs numbers above 0; got {spec.std}"


def _optimizer(spec: OptimizerSpec) -> Iterator[str]:
    yield from _above("optimizer.lr", spec.lr)
    yield from _at_least("optimizer.weight_decay", spec.weight_decay, 0)
    yield from _at_least("optimizer.classifier_weight_decay", spec.classifier_weight_decay, 0)
    yield from _part("optimizer.momentum", spec.momentum)
    yield from _above("optimizer.classifier_lr_multiplier", spec.classifier_lr_multiplier)
    if spec.layer_decay is not None and not 0 < spec.layer_decay <= 1:
        yield f"optimizer.layer_decay needs a number above 0 and up to 1; got {spec.layer_decay}"
    for pattern, factor in spec.lr_multipliers.items():
        if isinstance(factor, bool) or not isinstance(factor, int | float):
            yield f"optimizer.lr_multipliers needs a number for {pattern!r}; got {factor!r}"
        else:
            yield from _above(f"optimizer.lr_multipliers[{pattern!r}]", factor)
    yield from _above("optimizer.clip_grad_norm", spec.clip_grad_norm)
    yield from _at_least("optimizer.accumulate", spec.accumulate, 1)


def _schedule(spec: ScheduleSpec) -> Iterator[str]:
    yield from _at_least("schedule.epochs", spec.epochs, 1)
    yield from _at_least("schedule.steps", spec.steps, 1)
    yield from _at_least("schedule.evaluate_every_steps", spec.evaluate_every_steps, 1)
    yield from _at_least("schedule.patience", spec.patience, 1)
    yield from _at_least("schedule.warmup_epochs", spec.warmup_epochs, 0)
    if spec.steps is None and spec.warmup_epochs > spec.epochs:
        yield f"schedule.warmup_epochs needs at most all {spec.epochs} epochs; got {spec.warmup_epochs}"
    yield from _above("schedule.gamma", spec.gamma)
    if not 0 <= spec.final_lr_ratio <= 1:
        yield f"schedule.final_lr_ratio needs a number from 0 to 1; got {spec.final_lr_ratio}"
    yield from _at_least("schedule.head_epochs", spec.head_epochs, 0)
    if spec.steps is None and spec.head_epochs >= max(1, spec.epochs):
        yield f"schedule.head_epochs needs fewer than the {spec.epochs} epochs; got {spec.head_epochs}"
    if spec.freeze_backbone and spec.head_epochs:
        yield "schedule.freeze_backbone keeps the backbone frozen throughout; drop it or schedule.head_epochs"


def _curve(spec: ScheduleSpec) -> Iterator[str]:
    if list(spec.milestones) != sorted(set(spec.milestones)) or min(spec.milestones, default=0) < 0:
        yield f"schedule.milestones needs rising epochs from 0 on; got {list(spec.milestones)}"
    marked = spec.kind in ("step", "piecewise")
    if marked and not spec.milestones:
        yield f"schedule.kind {spec.kind!r} needs schedule.milestones; got none (or choose 'constant')"
    if not marked and spec.milestones:
        yield f"schedule.milestones belongs to the kinds 'step' and 'piecewise'; got the kind {spec.kind!r}"
    wanted = len(spec.milestones) if spec.kind == "piecewise" else 0
    if len(spec.factors) != wanted or min(spec.factors, default=0) < 0:
        needed = f"schedule.factors needs {wanted} numbers from 0 on, one a milestone of 'piecewise'"
        yield f"{needed}; got {list(spec.factors)}"
    if spec.curve_epochs is not None and spec.kind not in ("cosine", "polynomial"):
        yield f"schedule.curve_epochs belongs to the kinds 'cosine' and 'polynomial'; got the kind {spec.kind!r}"
    yield from _above("schedule.curve_epochs", spec.curve_epochs)
    yield from _above("schedule.power", spec.power)
    if spec.warmup_from is not None and not 0 <= spec.warmup_from <= 1:
        yield f"schedule.warmup_from needs a number from 0 to 1; got {spec.warmup_from}"
    if spec.keep_prob is not None and not all(0 < kept <= 1 for kept in spec.keep_prob):
        yield f"schedule.keep_prob needs two numbers above 0 and up to 1; got {list(spec.keep_prob)}"


def _stages(recipe: Recipe) -> Iterator[str]:
    if recipe.loader.head_batch_size is not None and not recipe.schedule.head_epochs:
        yield "loader.head_batch_size needs schedule.head_epochs, for which it counts; got none"


def _sizes(spec: ScheduleSpec) -> Iterator[str]:
    if not spec.image_sizes:
        return
    epochs, sides = zip(*spec.image_sizes, strict=True)
    if epochs[0] != 0 or list(epochs) != sorted(set(epochs)):
        yield f"schedule.image_sizes needs rising epochs, the first 0; got {list(epochs)}"
    yield from _at_least("schedule.image_sizes", min(sides), 1)


def _averages(recipe: Recipe) -> Iterator[str]:
    yield from _at_least("swa_epochs", recipe.swa_epochs, 1)
    counted = recipe.schedule.steps is None
    if counted and recipe.swa_epochs is not None and recipe.swa_epochs > recipe.schedule.epochs:
        yield f"swa_epochs needs at most all {recipe.schedule.epochs} epochs; got {recipe.swa_epochs}"
    if recipe.swa_epochs is not None and recipe.ema is not None:
        yield "swa_epochs and ema are two averages of the weights, of which one is judged; set one of them to none"


def _loss_scale(recipe: Recipe) -> Iterator[str]:
    yield from _above("loss_scale", recipe.loss_scale)
    if recipe.loss_scale is not None and recipe.precision != "16-mixed":
        yield f"loss_scale belongs to the precision '16-mixed'; got {recipe.precision!r}. Set it to none"


def _at_least(field: str, value: float | None, least: float) -> Iterator[str]:
    if value is not None and not value >= least:
        yield f"{field} needs at least {least}; got {value}"


def _above(field: str, value: float | None) -> Iterator[str]:
    if value is not None and not 0 < value < float("inf"):
        yield f"{field} needs a number above 0; got {value}"


def _part(field: str, value: float | None) -> Iterator[str]:
    if value is not None and not 0 <= value < 1:
        yield f"{field} needs a number from 0 up to, not including, 1; got {value}"
