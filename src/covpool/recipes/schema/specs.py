"""The sections of a recipe: network, pictures, batches, optimizer, schedule. Frozen data; nothing is looked up."""

from dataclasses import dataclass, field
from typing import Any, Literal

from covpool.recipes.schema.choice import Choice, split_choices


@dataclass(frozen=True, kw_only=True)
class NetworkSpec:
    """Which network: a backbone, a pool, and what stands between them."""

    backbone: str = "resnet50"
    """A timm name, an own backbone such as conv4, or a named network such as resnet50_isqrt."""
    pool: Choice = field(default=Choice("isqrt"))
    """The pool and its options, e.g. isqrt(steps=5); a named network brings its own."""
    num_classes: int | None = None
    """Number of classes; none: as many as the data has."""
    pretrained: bool = False
    """Start from published weights of the backbone."""
    weights: str | None = None
    """A file that the whole network starts from: a run, a .pt or .safetensors of ours, or a released file of a
    published network. A classifier of another number of classes starts anew."""
    reduce_to: int | Literal["auto"] | None = "auto"
    """Channels after the 1x1 reduction before a pool; none: no reduction; auto: 256 where a second-order
    pool would see more."""
    last_stride: int | None = None
    """Stride of the backbone's last stage; 1 gives a second-order pool four times the positions."""
    drop_rate: float | None = None
    """Dropout before the classifier; none: a named network's own, or none at all."""
    hidden: tuple[int, ...] | None = None
    """Lengths of hidden layers of the classifier; none: a named network's own, or no such layers."""
    embedding: int | None = None
    """Length of an embedding between pool and classifier, for retrieval; none: a named network's own, or none."""
    norm_momentum: float | None = None
    """Part of a batch that enters the running statistics of batch norms; none: the network's own."""
    techniques: tuple[Choice, ...] = ()
    """What changes the backbone, in this order, e.g. [resnet-d, se(ratio=8), anti-alias]; covpool techniques."""
    batch_norm: Literal["train", "frozen-statistics", "frozen"] = "train"
    """What the backbone's batch norms do in training: learn; keep their running statistics; keep their scale and
    shift too."""
    grad_checkpointing: bool = False
    """Compute the backbone's maps again in the backward pass instead of keeping them: more time, less memory."""
    backbone_options: dict[str, Any] = field(default_factory=dict)
    """Further keyword arguments of the backbone."""

    def __post_init__(self) -> None:
        parse_choices(self, "pool")
        object.__setattr__(self, "techniques", tuple(split_choices(self.techniques)))


@dataclass(frozen=True, kw_only=True)
class TransformSpec:
    """What happens to a picture; none leaves a value to the backbone's own configuration."""

    image_size: int | None = None
    """Side of the square the network sees."""
    augment: Choice = field(default=Choice("crop"))
    """Training augmentation and its options: none, flip, crop, shift, randaugment, autoaugment, timm, erase; or a
    published protocol such as assembled-imagenet_224_256, which decides about evaluation too."""
    crop_pct: float | None = None
    """Part of the resized picture that evaluation keeps."""
    mean: tuple[float, float, float] | None = None
    """Mean of each channel that is subtracted."""
    std: tuple[float, float, float] | None = None
    """Deviation of each channel that is divided by."""
    interpolation: str | None = None
    """bilinear, bicubic, ..."""

    def __post_init__(self) -> None:
        parse_choices(self, "augment")


@dataclass(frozen=True, kw_only=True)
class LoaderSpec:
    """How pictures become batches."""

    batch_size: int = 32
    """Images a batch, of all processes together."""
    head_batch_size: int | None = None
    """Images a batch while schedule.head_epochs last; none: batch_size."""
    workers: int = 2
    """Processes that read pictures; the batches are the same for any number."""
    sampling: Literal["each", "balanced", "square-root", "pairs"] = "each"
    """Which pictures an epoch shows: each once; every class as often; in proportion to the root of its size; or
    each once, beside another of its class."""
    on_bad_image: Literal["stop", "skip"] = "stop"
    """What a broken image file does to the run."""


@dataclass(frozen=True, kw_only=True)
class OptimizerSpec:
    """The optimizer and its parameter groups."""

    name: str = "adamw"
    """Any name of timm's optimizer factory: sgd, adamw, lamb, ..."""
    lr: float = 1e-3
    """Learning rate at the top of the schedule."""
    weight_decay: float = 0.05
    """Weight decay of the parameters that decay."""
    momentum: float = 0.9
    """Momentum of SGD and its kin; Adam and its kin keep their own betas."""
    classifier_lr_multiplier: float = 1.0
    """The classifier learns this many times faster than the rest."""
    layer_decay: float | None = None
    """Each layer group further from the head learns this many times slower; none: all alike."""
    decay_norm_and_bias: bool = False
    """Decay the parameters of normalisation layers and biases too, as older recipes did."""
    decay_bias: bool = False
    """Decay the biases outside normalisation layers too."""
    classifier_weight_decay: float | None = None
    """Weight decay of the classifier instead of weight_decay."""
    lr_multipliers: dict[str, float] = field(default_factory=dict)
    """Shell patterns of parameter names, e.g. backbone.layer4.*, that learn so many times faster."""
    no_decay: tuple[str, ...] = ()
    """Shell patterns of parameter names that do not decay, whatever else is said."""
    clip_grad_norm: float | None = None
    """Largest norm of the whole gradient; none: no clipping."""
    accumulate: int = 1
    """Batches whose gradients make one optimizer step."""


@dataclass(frozen=True, kw_only=True)
class ScheduleSpec:
    """Length of the training and the learning rate along it."""

    kind: Literal["cosine", "step", "polynomial", "exponential", "piecewise", "constant"] = "cosine"
    """Shape of the learning rate; piecewise: straight lines between 1 and the factors at the milestones."""
    epochs: int = 10
    """Passes over the training images."""
    steps: int | None = None
    """Optimizer steps of the whole training, in place of epochs; the last epoch may then be cut short."""
    evaluate_every_steps: int | None = None
    """Optimizer steps between evaluations inside an epoch; none: only at the end of each epoch."""
    patience: int | None = None
    """Evaluations in a row without a better top-1 after which the training ends; none: it never ends early."""
    warmup_epochs: float = 0.0
    """Epochs in which the learning rate rises linearly."""
    warmup_from: float | None = None
    """Part of lr that the first step has; none: one step's share of the way up, so that it learns something."""
    warmup_covers: bool = False
    """The curve runs from the first epoch on, and the warm-up covers its beginning; else it starts afterwards."""
    each: Literal["step", "epoch"] = "step"
    """How often the learning rate changes; epoch: it keeps the value of the epoch's start."""
    milestones: tuple[int, ...] = ()
    """Epochs (from 0) at whose start a step schedule multiplies lr by gamma, or a piecewise one reaches a factor."""
    gamma: float = 0.1
    """Factor of a step schedule at each milestone, of an exponential one for each epoch."""
    factors: tuple[float, ...] = ()
    """Parts of lr that a piecewise schedule has at its milestones."""
    power: float = 1.0
    """Exponent of a polynomial schedule; 1: a straight line."""
    curve_epochs: float | None = None
    """Epochs after which a cosine or a polynomial ends, to stay where it is; none: the last."""
    final_lr_ratio: float = 0.0
    """Where a cosine or a polynomial ends, as a part of lr."""
    keep_prob: tuple[float, float] | None = None
    """What DropBlock keeps at the first and at the last step, a straight line between; none: the backbone's own."""
    image_sizes: tuple[tuple[int, int], ...] = ()
    """Progressive resizing: (epoch, side) pairs, the first at epoch 0; training sees pictures of that side from that
    epoch on. Evaluation keeps its own."""
    head_epochs: int = 0
    """First epochs in which only the head learns: the first of two stages."""
    freeze_backbone: bool = False
    """The backbone never learns."""


def parse_choices(spec: Any, *names: str) -> None:
    """Let a choice be given as text: NetworkSpec(pool="isqrt(steps=3)")."""
    for name in names:
        if getattr(spec, name) is not None:
            object.__setattr__(spec, name, Choice.parse(getattr(spec, name)))
