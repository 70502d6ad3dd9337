"""What is known of a published network: how it is built, and what its authors say of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from covpool.models.named import Named
from covpool.registry import Registry


@dataclass(frozen=True, kw_only=True)
class PublishedFile:
    """A file of weights as its authors name it.

    Args:
        name: of the file.
        dialect: how its arrays are named, one of the dialects of the system in ``covpool.weights``.
        md5: as the authors state it; for a file of torch.hub the first digits of its SHA-256, which its name carries;
            None: not stated.
    """

    name: str
    dialect: str
    md5: str | None = None


@dataclass(frozen=True, kw_only=True)
class Published:
    """A row of the table of published networks.

    Args:
        network: what ``create_network`` builds.
        source: paper and release.
        parameters: trainable numbers, as we count them.
        flops: multiply-adds of one image of ``input_size``, as we count them; None: not counted.
        top1_error, top5_error: published, in percent, on the set it was trained for; None: not established.
        input_size: pixels of the side it is judged at.
        preprocessing: ``mean``, ``std`` (of images in 0..1), ``crop_pct`` and ``interpolation`` it was trained with.
        files: the released files.
        notes: what a user should know before relying on it.
    """

    network: Named
    source: str
    parameters: int
    flops: int | None = None
    top1_error: float | None = None
    top5_error: float | None = None
    input_size: int = 224
    preprocessing: Mapping[str, Any] = field(default_factory=dict)
    files: tuple[PublishedFile, ...] = ()
    notes: str = ""

    @property
    def config(self) -> dict[str, Any]:
        """Its entries in timm's ``pretrained_cfg``."""
        return {"input_size": (3, self.input_size, self.input_size), **self.preprocessing}

    @property
    def advice(self) -> str:
        """Where its weights come from, one clause."""
        names = ", ".join(file.name for file in self.files)
        if not names:
            return f"none are released as far as we know ({self.source})"
        return f"get {names} of {self.source} and run: covpool weights import FILE --as NAME -o OUT.safetensors"


published_networks = Registry[Published]("published network")
