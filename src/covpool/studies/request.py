"""What a comparison is asked to do: names and numbers, checked together before anything is read."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from covpool.models.backbone import check_backbone, find_offline, own_backbones
from covpool.pooling import pools
from covpool.recipes import Choice, split_choices
from covpool.registry import check_options, refusals


class CompareError(ValueError):
    """A comparison that cannot begin; ``mistakes`` holds every reason as a sentence."""

    def __init__(self, mistakes: Sequence[str]) -> None:
        self.mistakes = list(mistakes)
        super().__init__("; ".join(self.mistakes))


def read_choices(names: str | Iterable[str | Choice]) -> list[Choice]:
    """Choices of pools with their canonical names; the same pool twice is once.

    Raises:
        CompareError: unknown pools, wrong options, a spelling that is no choice; all of them.

    Example:
        >>> read_choices("mpncov,isqrt,gem(p=4)")
        [Choice('isqrt'), Choice('gem', p=4)]
    """
    mistakes: list[str] = []
    try:
        choices = split_choices(names)
    except ValueError as error:
        raise CompareError([str(error)]) from error
    found = [_canonical(choice, mistakes) for choice in choices]
    if mistakes:
        raise CompareError(mistakes)
    return list(dict.fromkeys(found))


def check_request(backbones: Sequence[str], seeds: int, stages: Sequence[str] | None, epochs: int | None) -> None:
    """CompareError with every mistake in the arguments that can be told without building anything."""
    mistakes = [] if backbones else ["backbones: at least one is needed; got none"]
    for name in backbones:
        mistakes += refusals(check_backbone, name)
    if seeds < 1:
        mistakes.append(f"seeds: at least 1 is needed; got {seeds}")
    if stages is not None and not stages:
        mistakes.append("stages: at least one is needed, such as 'middle' or 'last'; got none")
    if epochs is not None and epochs < 1:
        mistakes.append(f"epochs: at least 1 is needed; got {epochs}")
    if mistakes:
        raise CompareError(mistakes)


def wants_weights(backbone: str, pretrained: bool | None) -> bool:
    """Whether to start from pretrained weights: as told, else wherever published ones exist (not for conv4)."""
    return backbone not in own_backbones if pretrained is None else pretrained


def weights_origin(backbone: str, pretrained: bool) -> str:
    """Where the weights of a backbone came from, in words."""
    if not pretrained:
        return f"{backbone}: drawn at random"
    package = find_offline(backbone)
    if package is None:
        return f"{backbone}: timm"
    return f"{backbone}: the package {package[0].distribution} ({package[0].description})"


def _canonical(choice: Choice, mistakes: list[str]) -> Choice:
    found = refusals(pools.resolve, choice.name)
    if found:
        mistakes += found
        return choice
    options = {key: value for key, value in choice.options.items() if key != "reduce_to"}
    given = ("in_features", "reduce_to")
    mistakes += check_options("pool", choice.name, pools.get(choice.name).build, options, given=given)
    width = choice.options.get("reduce_to", 1)
    if width is not None and (not isinstance(width, int) or width < 1):
        mistakes.append(f"pool {choice.name!r}: reduce_to needs a positive number of channels; got {width!r}")
    return Choice(pools.resolve(choice.name), **choice.options)
