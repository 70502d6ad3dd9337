"""How pictures are prepared for a network, as plain values."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from torchvision.transforms import InterpolationMode

_MODES = {
    "nearest": InterpolationMode.NEAREST,
    "bilinear": InterpolationMode.BILINEAR,
    "bicubic": InterpolationMode.BICUBIC,
    "lanczos": InterpolationMode.LANCZOS,
    "box": InterpolationMode.BOX,
    "hamming": InterpolationMode.HAMMING,
}


@dataclass(frozen=True)
class Preprocessing:
    """How pictures are prepared for a network; plain values that are stored in checkpoints.

    ``protocol`` names a published pipeline of ``covpool.data.protocols``, which then decides the geometry in
    place of ``crop_pct`` and ``interpolation``; size, mean and std stay those given here.

    Example:
        >>> p = Preprocessing(image_size=28, mean=(0.5,) * 3, std=(0.5,) * 3, crop_pct=1.0)
        >>> Preprocessing.from_dict(p.to_dict()) == p
        True
    """

    image_size: int = 224
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)  # of ImageNet, as are the other defaults
    std: tuple[float, ...] = (0.229, 0.224, 0.225)
    crop_pct: float = 0.875
    interpolation: str = "bicubic"
    protocol: str | None = None

    def __post_init__(self) -> None:
        for name in ("mean", "std"):
            object.__setattr__(self, name, tuple(float(value) for value in getattr(self, name)))
        mistakes = self._mistakes()
        if mistakes:
            raise ValueError("; ".join(mistakes))

    def _mistakes(self) -> list[str]:
        found = []
        if isinstance(self.image_size, bool) or not isinstance(self.image_size, int) or self.image_size < 1:
            found.append(f"image_size needs to be a whole number of at least 1; got {self.image_size!r}")
        for name, values in (("mean", self.mean), ("std", self.std)):
            if len(values) != 3:
                found.append(f"{name} needs 3 numbers, one a channel; got {values}")
        if any(value <= 0 for value in self.std):
            found.append(f"std needs positive numbers; got {self.std}")
        if not 0 < self.crop_pct <= 1:
            found.append(f"crop_pct needs to be above 0 and at most 1; got {self.crop_pct}")
        if self.interpolation not in _MODES:
            found.append(f"interpolation needs to be one of {', '.join(_MODES)}; got {self.interpolation!r}")
        return found

    @property
    def resize_size(self) -> int:
        """Short side before the centre crop, rounded down as timm does."""
        return math.floor(self.image_size / self.crop_pct)

    @property
    def mode(self) -> InterpolationMode:
        """``interpolation`` as torchvision calls it."""
        return _MODES[self.interpolation]

    def to_dict(self) -> dict[str, Any]:
        """JSON and YAML values; ``from_dict`` gives the same back."""
        values = {**asdict(self), "mean": list(self.mean), "std": list(self.std)}
        if self.protocol is None:
            del values["protocol"]
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Preprocessing:
        """The inverse of ``to_dict``; ValueError for a key that does not belong."""
        known = [field.name for field in fields(cls)]
        strange = [key for key in values if key not in known]
        if strange:
            raise ValueError(f"preprocessing has no {', '.join(map(repr, strange))}; it has {', '.join(known)}")
        return cls(**values)


def preprocessing_for(
    pretrained_cfg: Mapping[str, Any],
    *,
    image_size: int | None = None,
    mean: tuple[float, ...] | None = None,
    std: tuple[float, ...] | None = None,
    crop_pct: float | None = None,
    interpolation: str | None = None,
) -> Preprocessing:
    """The preprocessing that a timm ``pretrained_cfg`` asks for; arguments that are given override it.

    A ``protocol`` in it is kept unless ``crop_pct`` or ``interpolation`` is given, which it would not follow.

    Example:
        >>> preprocessing_for({"input_size": (3, 288, 288), "crop_pct": 0.95}, image_size=256).resize_size
        269
    """
    height, width = pretrained_cfg.get("input_size", (3, 224, 224))[1:]
    if image_size is None and height != width:
        raise ValueError(f"the network's input is {height} x {width}, not square; give image_size")
    given = {"mean": mean, "std": std, "crop_pct": crop_pct, "interpolation": interpolation}
    asked: dict[str, Any] = {
        name: pretrained_cfg.get(name) if value is None else value for name, value in given.items()
    }
    chosen = {name: value for name, value in asked.items() if value is not None}
    if crop_pct is None and interpolation is None and pretrained_cfg.get("protocol"):
        chosen["protocol"] = pretrained_cfg["protocol"]
    if chosen.get("interpolation") == "random":  # timm: any mode in training, bilinear in evaluation
        chosen["interpolation"] = "bilinear"
    return Preprocessing(image_size=height if image_size is None else image_size, **chosen)
