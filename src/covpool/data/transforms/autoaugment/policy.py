"""AutoAugment: one sub-policy of a table, drawn for each picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from covpool.data.transforms.autoaugment import operations as op
from covpool.data.transforms.autoaugment.policies import TABLES, Draw, read_policy
from covpool.data.transforms.image_transform import Picture
from covpool.registry import unknown

Operation = Callable[[np.ndarray], np.ndarray]
MAX_LEVEL = 10


def _enhanced(change: Callable[..., np.ndarray], level: int) -> Operation:
    return partial(_call, change, level / MAX_LEVEL * 1.8 + 0.1)


def _signed(change: Callable[..., np.ndarray], most: float, level: int) -> Operation:
    return partial(_call, change, _either_sign(level / MAX_LEVEL * most))


def _whole(change: Callable[..., np.ndarray], most: int, level: int) -> Operation:
    return partial(_call, change, int(level / MAX_LEVEL * most))


def _plain(change: Operation, level: int) -> Operation:
    return change


def _call(change: Callable[..., np.ndarray], argument: float, pixels: np.ndarray) -> np.ndarray:
    return change(pixels, argument)


# A level goes to 10; what each operation makes of it (preprocessing/autoaugment.py, hparams of the release).
OPERATIONS: Mapping[str, Callable[[int], Operation]] = {
    "AutoContrast": partial(_plain, op.autocontrast),
    "Equalize": partial(_plain, op.equalize),
    "Invert": partial(_plain, op.invert),
    "Rotate": partial(_signed, op.rotate, 30.0),
    "ShearX": partial(_signed, op.shear_x, 0.3),
    "ShearY": partial(_signed, op.shear_y, 0.3),
    "TranslateX": partial(_signed, op.translate_x, 250.0),  # pixels, whatever the size of the picture
    "TranslateY": partial(_signed, op.translate_y, 250.0),
    "Posterize": partial(_whole, op.posterize, 4),
    "Solarize": partial(_whole, op.solarize, 256),
    "SolarizeAdd": partial(_whole, op.solarize_add, 110),
    "Cutout": partial(_whole, op.cutout, 100),
    "Color": partial(_enhanced, op.color),
    "Contrast": partial(_enhanced, op.contrast),
    "Brightness": partial(_enhanced, op.brightness),
    "Sharpness": partial(_enhanced, op.sharpness),
}


@dataclass(frozen=True)
class AutoAugment:
    """A picture or pixels (H, W, 3) -> uint8 pixels changed by one sub-policy of the table ``policy``.

    Source: Assemble-ResNet, Lee et al. 2020, after Cubuk et al. 2019. Pixels in float are cut to whole numbers first.
    The sub-policy, whether each operation happens, and the sign of a turn, a shear and a shift are drawn from torch.

    Args:
        policy: ``imagenet`` (25 sub-policies), ``good`` (95, found on CIFAR-10), ``v0`` (25), ``test`` (1); also
            ``cifar10`` and ``svhn``, which the release contains and does not offer.

    Example:
        >>> AutoAugment("v0")(np.zeros((4, 4, 3), dtype=np.uint8)).shape
        (4, 4, 3)
    """

    policy: str = "imagenet"

    def __post_init__(self) -> None:
        if self.policy not in TABLES:
            raise ValueError(unknown("AutoAugment policy", str(self.policy), TABLES))

    @property
    def sub_policies(self) -> tuple[tuple[Draw, ...], ...]:
        """The rows of the table."""
        return read_policy(TABLES[self.policy])

    def __call__(self, image: Picture) -> np.ndarray:
        pixels = np.asarray(image)
        if pixels.dtype != np.uint8:
            pixels = pixels.clip(0, 255).astype(np.uint8)
        rows = self.sub_policies
        for draw in rows[int(torch.randint(len(rows), ()).item())]:
            if torch.rand(()).item() + draw.probability >= 1:
                pixels = OPERATIONS[draw.operation](draw.level)(pixels)
        return pixels


def _either_sign(value: float) -> float:
    return value if torch.rand(()).item() >= 0.5 else -value
