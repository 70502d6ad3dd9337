"""The table of techniques that change a network, and the way to one of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from torch import nn

from covpool.models.techniques.anti_alias import anti_alias
from covpool.models.techniques.big_little import big_little
from covpool.models.techniques.body import Body
from covpool.models.techniques.gates import efficient_channel_attention, squeeze_excite
from covpool.models.techniques.regularization import drop_block, drop_path, zero_gamma
from covpool.models.techniques.resnet_d import resnet_d
from covpool.models.techniques.selective_kernel import selective_kernel
from covpool.models.techniques.tracing import trace
from covpool.registry import Registry, check_options


@dataclass(frozen=True, kw_only=True)
class Technique:
    """A row of the table.

    Attributes:
        name: its name, and that of its page in docs/techniques.
        change: rewrites a ``Body`` in place; its keyword arguments are the technique's options.
        summary: what it does, in one line; source: who published it.
        from_scratch: it spoils weights that are there already.
    """

    name: str
    change: Callable[..., None]
    summary: str
    source: str
    from_scratch: bool = False

    def __call__(
        self, backbone: nn.Module, *, backbone_options: Mapping[str, Any] | None = None, **options: Any
    ) -> Any:
        """Rewrite ``backbone`` in place and return it.

        Args:
            backbone: with timm's ``forward_features``. Give a ``Network`` its techniques by
                ``create_network(..., techniques=[...])``, which remembers them.
            backbone_options: those the backbone was built with, where the size of its images is among them.
            options: the technique's own.

        Raises:
            NothingToChange: the backbone has nothing of what the technique changes.
            ValueError: wrong options, or a backbone that does not run, or runs to another size, once it is changed.
        """
        if mistakes := check_options("technique", self.name, self.change, options, given=("body",)):
            raise ValueError("; ".join(mistakes))
        training = backbone.training
        body = Body(backbone, backbone_options)
        before = body.graph.output.shape
        try:
            self.change(body, **options)
        except ValueError as error:
            raise type(error)(f"{self.name} {error}") from error
        finally:
            backbone.train(training)
        self._check(body, before)
        return backbone.train(training)

    def _check(self, body: Body, before: tuple[int, ...]) -> None:
        try:
            after = trace(body.backbone, body.images).output.shape
        except (RuntimeError, ValueError, TypeError, AttributeError, AssertionError) as error:
            raise ValueError(f"{self.name} does not fit {body.name}: {str(error).splitlines()[0]}") from error
        if after != before:
            raise ValueError(f"{self.name} does not fit {body.name}: its features of {before} become {after}")


techniques = Registry[Technique]("technique")


def _row(
    name: str,
    change: Callable[..., None],
    summary: str,
    source: str,
    *,
    aliases: Iterable[str] = (),
    from_scratch: bool = False,
) -> None:
    row = Technique(name=name, change=change, summary=summary, source=source, from_scratch=from_scratch)
    techniques.register(name, row, aliases=aliases)


_row("resnet-d", resnet_d, "stem of three 3x3 convolutions, averaging shortcuts", "He et al. CVPR 2019")
_row("sk", selective_kernel, "two 3x3 convolutions weighed channel by channel", "Li et al. CVPR 2019; Lee et al. 2020")
_row("se", squeeze_excite, "channels scaled by a gate of all channel means", "Hu et al. CVPR 2018")
_row("eca", efficient_channel_attention, "channels scaled by a gate of neighbouring means", "Wang et al. CVPR 2020")
_row(
    "anti-alias",
    anti_alias,
    "a low-pass filter in front of each stride",
    "Zhang ICML 2019",
    aliases=["blur-pool"],
)
_row(
    "big-little",
    big_little,
    "stages of a deep branch at half and a narrow one at full resolution",
    "Chen et al. ICLR 2019",
)
_row("drop-block", drop_block, "squares of the last stages' maps dropped in training", "Ghiasi et al. NeurIPS 2018")
_row("drop-path", drop_path, "whole residual branches dropped in training", "Huang et al. ECCV 2016")
_row(
    "zero-gamma",
    zero_gamma,
    "each residual block starts as its shortcut",
    "Goyal et al. 2017",
    from_scratch=True,
)


class ChoiceLike(Protocol):
    """A name with options, such as ``covpool.Choice("isqrt", steps=3)``."""

    @property
    def name(self) -> str: ...
    @property
    def options(self) -> Mapping[str, Any]: ...


def plain(choice: str | Mapping[str, Any] | ChoiceLike) -> dict[str, Any]:
    """A choice as JSON keeps it.

    Example:
        >>> plain("se"), plain({"name": "se", "ratio": 8})
        ({'name': 'se'}, {'name': 'se', 'ratio': 8})
    """
    if isinstance(choice, str):
        return {"name": choice}
    return dict(choice) if isinstance(choice, Mapping) else {"name": choice.name, **choice.options}


def technique_mistakes(
    choices: Iterable[str | Mapping[str, Any] | ChoiceLike], *, pretrained: bool = False
) -> list[str]:
    """What is wrong with the names and options of techniques, as sentences.

    Example:
        >>> technique_mistakes([{"name": "se", "ratios": 8}])
        ["technique 'se' has no option 'ratios'; did you mean 'ratio'? (ratio)"]
    """
    found: list[str] = []
    for choice in map(plain, choices):
        name = str(choice.pop("name", ""))
        try:
            row = techniques.get(name)
        except ValueError as error:
            found.append(str(error))
            continue
        found += check_options("technique", name, row.change, choice, given=("body",))
        if pretrained and row.from_scratch:
            found.append(f"technique {name!r} is for training from scratch: it spoils pretrained weights; leave it out")
    return found


def apply_techniques(
    backbone: nn.Module,
    choices: Iterable[str | Mapping[str, Any] | ChoiceLike],
    *,
    backbone_options: Mapping[str, Any] | None = None,
) -> nn.Module:
    """Rewrite ``backbone`` by one technique after the other, and return it.

    Args:
        backbone: with timm's ``forward_features``.
        choices: names, names with options, or mappings such as ``{"name": "se", "ratio": 8}``.
        backbone_options: those that the backbone was built with.

    Raises:
        ValueError: unknown names, wrong options, or a technique that has nothing to change.

    Example:
        >>> import timm, torch
        >>> with torch.device("meta"):
        ...     backbone = apply_techniques(timm.create_model("resnet50", num_classes=0), ["resnet-d"])
        ...     official = timm.create_model("resnet50d", num_classes=0)
        >>> list(backbone.state_dict()) == list(official.state_dict())
        True
    """
    for choice in map(plain, choices):
        name = choice.pop("name")
        techniques.get(name)(backbone, backbone_options=backbone_options, **choice)
    return backbone
