"""One shape for what backbones give: a map (B, C, H, W) and, where there is one, a class token."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, NamedTuple

from torch import Tensor, nn

from covpool.registry import unknown

KINDS = ("NCHW", "NHWC", "tokens", "NCL")


class Features(NamedTuple):
    """What a head is given: ``map`` (B, C, H, W), tokens as (B, C, N, 1); ``summary`` (B, C) or None."""

    map: Tensor
    summary: Tensor | None


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How to read the output of a backbone's ``forward_features``; the only place that knows.

    Written as text, ``kind[:key=value,...]``, it is stored with the network, so that rebuilding needs no probe.

    Args:
        kind: ``NCHW``, ``NHWC``, ``tokens`` (B, prefix + N, C) or ``NCL`` (B, C, N).
        prefix: number of tokens before the positions (class, distillation and register tokens); none of them
            enters the map.
        summary: the first token of the prefix is a class token, and becomes the summary; written ``summary=none``
            where there are registers only.
        branch: which entry of a list output is taken (families with several branches), or None.
        norm: submodule of the backbone that is applied to every position first; for families that normalise
            after their own pooling, whose plain features are not normalised. None: no such step.
        channels: channels of the map, where they are not the backbone's ``num_features`` (a branch of several).

    Example:
        >>> Layout.parse("tokens:prefix=5,norm=fc_norm")
        Layout(kind='tokens', prefix=5, summary=True, branch=None, norm='fc_norm', channels=None)
        >>> str(Layout(kind="NHWC"))
        'NHWC'
    """

    kind: str
    prefix: int = 0
    summary: bool = True
    branch: int | None = None
    norm: str | None = None
    channels: int | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(unknown("layout", self.kind, KINDS))
        if self.prefix < 0 or (self.prefix and self.kind != "tokens"):
            raise ValueError(f"a layout of {self.kind} has no prefix of {self.prefix} tokens; only tokens have one")

    @classmethod
    def parse(cls, text: str) -> Layout:
        """The layout written as ``text``, such as ``NCHW`` or ``tokens:prefix=5,norm=fc_norm``."""
        kind, _, options = text.partition(":")
        known = [field.name for field in fields(cls) if field.name != "kind"]
        values: dict[str, Any] = {}
        for option in filter(None, options.split(",")):
            key, _, value = option.partition("=")
            if key not in known:
                raise ValueError(unknown("option of a layout", key, known) + f" in {text!r}")
            values[key] = _option(key, value, text)
        return cls(kind=kind, **values)

    def __str__(self) -> str:
        values = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in ("kind", "summary")}
        written = [f"{name}={value}" for name, value in values.items() if value not in (None, 0)]
        options = ",".join([*written, *([] if self.summary else ["summary=none"])])
        return f"{self.kind}:{options}" if options else self.kind

    def count_channels(self, output: Tensor) -> int:
        """Number of channels of a backbone's raw output."""
        output = self.pick(output)
        return output.shape[1] if self.kind in ("NCHW", "NCL") else output.shape[-1]

    def pick(self, output: Any) -> Tensor:
        """The tensor to read out of what ``forward_features`` returned."""
        return output if self.branch is None else output[self.branch]

    def __call__(self, output: Tensor) -> Features:
        """Turn a raw output into a map (B, C, H, W) and a summary."""
        if self.kind == "NCHW":
            return Features(output, None)
        if self.kind == "NHWC":
            return Features(output.permute(0, 3, 1, 2), None)
        if self.kind == "NCL":
            return Features(output.unsqueeze(-1), None)
        summary = output[:, 0] if self.prefix and self.summary else None
        return Features(output[:, self.prefix :].transpose(1, 2).unsqueeze(-1), summary)


def read_features(backbone: nn.Module, layout: Layout, images: Tensor) -> Features:
    """Run a backbone and read its output as ``layout`` says, norm step included."""
    output = layout.pick(backbone.forward_features(images))  # type: ignore[operator]
    if layout.norm is not None:
        output = backbone.get_submodule(layout.norm)(output)
    return layout(output)


def _option(key: str, value: str, text: str) -> int | str | bool | None:
    if key == "norm":
        return None if value == "none" else value
    if key == "summary":
        return value != "none"
    try:
        return int(value)
    except ValueError:
        raise ValueError(f"layout {text!r}: {key} must be a whole number, not {value!r}") from None
