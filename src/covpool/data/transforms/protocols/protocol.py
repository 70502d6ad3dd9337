"""What a published pipeline consists of."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from covpool.data.transforms.image_transform import Geometry, ImageTransform
from covpool.data.transforms.preprocessing import Preprocessing
from covpool.registry import check_options

IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
ONLY_CENTRED = (1 / 255, 1 / 255, 1 / 255)  # the std of a network that is fed 0..255 minus the mean


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """How a published network's pictures are prepared, in training and in evaluation.

    Args:
        source: paper and the file of the release that says so.
        summary: one line for a table.
        preprocessing: size, mean and std of evaluation; ``crop_pct`` and ``interpolation`` as far as they apply.
        train: (preprocessing, **options) -> picture -> training picture; None: nothing is trained with it.
        eval: preprocessing -> picture -> one picture, or several views of it.
        views: how many views ``eval`` gives.
        first_view: where there are several, the evaluation that gives the first.
        train_size: side of a training picture; None: that of evaluation.
        is_bgr: whether the pictures have blue first, as Caffe's networks take them; mean and std are in that order too.
    """

    source: str
    summary: str
    preprocessing: Preprocessing
    train: Callable[..., Geometry] | None
    eval: Callable[[Preprocessing], Geometry]
    views: int = 1
    first_view: Callable[[Preprocessing], Geometry] | None = None
    train_size: int | None = None
    is_bgr: bool = False

    @property
    def one_view(self) -> Callable[[Preprocessing], Geometry]:
        """The evaluation that gives one picture."""
        return self.first_view or self.eval

    def for_training(self, preprocessing: Preprocessing) -> Preprocessing:
        """The values of training for those of evaluation: the size changes in the published proportion."""
        size = self.preprocessing.image_size if self.train_size is None else self.train_size
        return replace(
            preprocessing, image_size=max(1, round(preprocessing.image_size * size / self.preprocessing.image_size))
        )

    def eval_transform(self, image_size: int | None = None) -> ImageTransform:
        """Picture -> float32 (3, S, S), or (V, 3, S, S) of V views.

        Example:
            >>> from PIL import Image
            >>> from covpool.data import protocols
            >>> protocols.get("assembled-imagenet").eval_transform()(Image.new("RGB", (9, 9)))[:, 0, 0]
            tensor([-123.6800, -116.7800, -103.9400])
        """
        values = self._sized(image_size)
        return ImageTransform(self.eval(values), values, is_random=False)

    def train_transform(self, image_size: int | None = None, **options: Any) -> ImageTransform:
        """Picture -> float32 (3, S, S) at random; ``options`` are those of ``train``.

        Args:
            image_size: of evaluation; training follows in the published proportion.

        Raises:
            ValueError: options that it does not have, or a protocol of evaluation alone.
        """
        values = self.for_training(self._sized(image_size))
        name = str(values.protocol)
        if self.train is None:
            raise ValueError(f"protocol {name!r} is of evaluation alone; nothing is trained with it")
        mistakes = check_options("protocol", name, self.train, options, given=["preprocessing"])
        if mistakes:
            raise ValueError("; ".join(mistakes))
        return ImageTransform(self.train(values, **options), values, is_random=True)

    def _sized(self, image_size: int | None) -> Preprocessing:
        return self.preprocessing if image_size is None else replace(self.preprocessing, image_size=image_size)


def imagenet_values(image_size: int = 224, crop_pct: float = 0.875, interpolation: str = "bilinear") -> Preprocessing:
    """The mean and std of torchvision's ImageNet networks."""
    return Preprocessing(image_size, IMAGENET_MEAN, IMAGENET_STD, crop_pct, interpolation)
