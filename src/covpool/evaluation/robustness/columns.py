"""Names of class folders -> columns of a network's output."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from timm.data import ImageNetInfo

from covpool.evaluation.answers.label_map import output_of_each_class
from covpool.registry import nearest

IMAGENET_OUTPUTS = 1000
_SHOWN = 5


@cache
def _synsets() -> frozenset[str]:
    return frozenset(ImageNetInfo("imagenet-1k").label_names())


def is_imagenet(names: Sequence[str]) -> bool:
    """Whether these are the 1000 classes of ImageNet-1k, by synset (n01440764, ...).

    Example:
        >>> is_imagenet(["cat", "dog"])
        False
    """
    return set(names) == _synsets()


def columns_of(names: Sequence[str], classes: Sequence[str] | None, outputs: int) -> list[int]:
    """For each class folder, the output of the network that stands for it.

    The folders may be part of the classes (ImageNet-A and -R have 200): accuracy then counts the best of these columns,
    as the authors of those sets do. Folders named by synset find their columns in any network of ImageNet-1k, also one
    of 1001 outputs, whose first is the background; so do folders named 0 to 999 (ImageNet-V2).

    Args:
        classes: names of the outputs, where they are known.
        outputs: how many there are.

    Raises:
        ValueError: names some folders that fit no output.

    Example:
        >>> columns_of(["dog", "cat"], ["ant", "cat", "dog"], 3)
        [2, 1]
        >>> columns_of(["n01443537"], None, 1001)
        [2]
    """
    if classes is not None and set(names) <= set(classes):
        return output_of_each_class("names", names, outputs, classes)
    background = outputs - IMAGENET_OUTPUTS
    if background in (0, 1):
        kind = "imagenet" if set(names) <= _synsets() else "numbers" if all(map(str.isdecimal, names)) else None
        if kind is not None:
            return [column + background for column in output_of_each_class(kind, names, IMAGENET_OUTPUTS)]
    if classes is None and len(names) == outputs:
        return list(range(outputs))
    raise ValueError(_unknown(names, list(classes or ()), outputs))


def _unknown(names: Sequence[str], classes: Sequence[str], outputs: int) -> str:
    known = set(classes)
    strange = [name for name in names if name not in known]
    near = nearest(strange[0], classes)
    hint = f"; did you mean {near!r}?" if near else ""
    more = f" and {len(strange) - _SHOWN} more" if len(strange) > _SHOWN else ""
    return (
        f"the network has {outputs} outputs and knows no class {', '.join(map(repr, strange[:_SHOWN]))}{more}{hint} "
        "(class folders are named as in its training, or for ImageNet by synset)"
    )
