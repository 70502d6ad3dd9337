"""Tables of AutoAugment: each line is one sub-policy, "operation probability level" one after the other.

Source: preprocessing/autoaugment.py of clovaai/assembled-cnn, after Cubuk et al. 2019. Its flag offers ``imagenet``,
``good`` (found on CIFAR-10), ``v0`` and ``test``; ``cifar10`` and ``svhn`` are in the code and not offered, and there
one Contrast of ``svhn`` is misspelt, so that the table could not have run.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Draw(NamedTuple):
    """An operation of a sub-policy."""

    operation: str
    probability: float
    level: int


def read_policy(text: str) -> tuple[tuple[Draw, ...], ...]:
    """A table as sub-policies.

    Example:
        >>> read_policy("Rotate .6 9 Invert 1 0")[0][0]
        Draw(operation='Rotate', probability=0.6, level=9)
    """
    rows = []
    for line in text.strip().splitlines():
        words = line.split()
        draws = zip(words[::3], words[1::3], words[2::3], strict=True)
        rows.append(tuple(Draw(name, float(probability), int(level)) for name, probability, level in draws))
    return tuple(rows)


_IMAGENET = """
Posterize .4 8 Rotate .6 9
Solarize .6 5 AutoContrast .6 5
Equalize .8 8 Equalize .6 3
Posterize .6 7 Posterize .6 6
Equalize .4 7 Solarize .2 4
Equalize .4 4 Rotate .8 8
Solarize .6 3 Equalize .6 7
Posterize .8 5 Equalize 1 2
Rotate .2 3 Solarize .6 8
Equalize .6 8 Posterize .4 6
Rotate .8 8 Color .4 0
Rotate .4 9 Equalize .6 2
Equalize 0 7 Equalize .8 8
Invert .6 4 Equalize 1 8
Color .6 4 Contrast 1 8
Rotate .8 8 Color 1 2
Color .8 8 Solarize .8 7
Sharpness .4 7 Invert .6 8
ShearX .6 5 Equalize 1 9
Color .4 0 Equalize .6 3
Equalize .4 7 Solarize .2 4
Solarize .6 5 AutoContrast .6 5
Invert .6 4 Equalize 1 8
Color .6 4 Contrast 1 8
Equalize .8 8 Equalize .6 3
"""

_GOOD = """
Invert .1 7 Contrast .2 6
Rotate .7 2 TranslateX .3 9
Sharpness .8 1 Sharpness .9 3
ShearY .5 8 TranslateY .7 9
AutoContrast .5 8 Equalize .9 2
Solarize .4 5 AutoContrast .9 3
TranslateY .9 9 TranslateY .7 9
AutoContrast .9 2 Solarize .8 3
Equalize .8 8 Invert .1 3
TranslateY .7 9 AutoContrast .9 1
Solarize .4 5 AutoContrast 0 2
TranslateY .7 9 TranslateY .7 9
AutoContrast .9 0 Solarize .4 3
Equalize .7 5 Invert .1 3
TranslateY .7 9 TranslateY .7 9
Solarize .4 5 AutoContrast .9 1
TranslateY .8 9 TranslateY .9 9
AutoContrast .8 0 TranslateY .7 9
TranslateY .2 7 Color .9 6
Equalize .7 6 Color .4 9
ShearY .2 7 Posterize .3 7
Color .4 3 Brightness .6 7
Sharpness .3 9 Brightness .7 9
Equalize .6 5 Equalize .5 1
Contrast .6 7 Sharpness .6 5
Brightness .3 7 AutoContrast .5 8
AutoContrast .9 4 AutoContrast .5 6
Solarize .3 5 Equalize .6 5
TranslateY .2 4 Sharpness .3 3
Brightness 0 8 Color .8 8
Solarize .2 6 Color .8 6
Solarize .2 6 AutoContrast .8 1
Solarize .4 1 Equalize .6 5
Brightness 0 0 Solarize .5 2
AutoContrast .9 5 Brightness .5 3
Contrast .7 5 Brightness 0 2
Solarize .2 8 Solarize .1 5
Contrast .5 1 TranslateY .2 9
AutoContrast .6 5 TranslateY 0 9
AutoContrast .9 4 Equalize .8 4
Brightness 0 7 Equalize .4 7
Solarize .2 5 Equalize .7 5
Equalize .6 8 Color .6 2
Color .3 7 Color .2 4
AutoContrast .5 2 Solarize .7 2
AutoContrast .2 0 Equalize .1 0
ShearY .6 5 Equalize .6 5
Brightness .9 3 AutoContrast .4 1
Equalize .8 8 Equalize .7 7
Equalize .7 7 Solarize .5 0
Equalize .8 4 TranslateY .8 9
TranslateY .8 9 TranslateY .6 9
TranslateY .9 0 TranslateY .5 9
AutoContrast .5 3 Solarize .3 4
Solarize .5 3 Equalize .4 4
Color .7 7 TranslateX .5 8
Equalize .3 7 AutoContrast .4 8
TranslateY .4 3 Sharpness .2 6
Brightness .9 6 Color .2 8
Solarize .5 2 Invert 0 3
AutoContrast .1 5 Brightness 0 0
Cutout .2 4 Equalize .1 1
Equalize .7 7 AutoContrast .6 4
Color .1 8 ShearY .2 3
ShearY .4 2 Rotate .7 0
ShearY .1 3 AutoContrast .9 5
TranslateY .3 6 Cutout .3 3
Equalize .5 0 Solarize .6 6
AutoContrast .3 5 Rotate .2 7
Equalize .8 2 Invert .4 0
Equalize .9 5 Color .7 0
Equalize .1 1 ShearY .1 3
AutoContrast .7 3 Equalize .7 0
Brightness .5 1 Contrast .1 7
Contrast .1 4 Solarize .6 5
Solarize .2 3 ShearX 0 0
TranslateX .3 0 TranslateX .6 0
Equalize .5 9 TranslateY .6 7
ShearX .1 0 Sharpness .5 1
Equalize .8 6 Invert .3 6
AutoContrast .3 9 Cutout .5 3
ShearX .4 4 AutoContrast .9 2
ShearX 0 3 Posterize 0 3
Solarize .4 3 Color .2 4
Equalize .1 4 Equalize .7 6
Equalize .3 8 AutoContrast .4 3
Solarize .6 4 AutoContrast .7 6
AutoContrast .2 9 Brightness .4 8
Equalize .1 0 Equalize 0 6
Equalize .8 4 Equalize 0 4
Equalize .5 5 AutoContrast .1 2
Solarize .5 5 AutoContrast .9 5
AutoContrast .6 1 AutoContrast .7 8
Equalize .2 0 AutoContrast .1 2
Equalize .6 9 Equalize .4 4
"""

_V0 = """
Equalize .8 1 ShearY .8 4
Color .4 9 Equalize .6 3
Color .4 1 Rotate .6 8
Solarize .8 3 Equalize .4 7
Solarize .4 2 Solarize .6 2
Color .2 0 Equalize .8 8
Equalize .4 8 SolarizeAdd .8 3
ShearX .2 9 Rotate .6 8
Color .6 1 Equalize 1 2
Invert .4 9 Rotate .6 0
Equalize 1 9 ShearY .6 3
Color .4 7 Equalize .6 0
Posterize .4 6 AutoContrast .4 7
Solarize .6 8 Color .6 9
Solarize .2 4 Rotate .8 9
Rotate 1 7 TranslateY .8 9
ShearX 0 0 Solarize .8 4
ShearY .8 0 Color .6 4
Color 1 0 Rotate .6 2
Equalize .8 4 Equalize 0 8
Equalize 1 4 AutoContrast .6 2
ShearY .4 7 SolarizeAdd .6 7
Posterize .8 2 Solarize .6 10
Solarize .6 8 Equalize .6 1
Color .8 6 Rotate .4 5
"""

_TEST = """
TranslateX 1 4 Equalize 1 10
"""

_CIFAR10 = """
Invert .1 7 Contrast .2 6
Rotate .7 2 TranslateX .3 9
Sharpness .8 1 Sharpness .9 3
ShearY .5 8 TranslateY .7 9
AutoContrast .5 8 Equalize .9 2
ShearY .2 7 Posterize .3 7
Color .4 3 Brightness .6 7
Sharpness .3 9 Brightness .7 9
Equalize .6 5 Equalize .5 1
Contrast .6 7 Sharpness .6 5
Color .7 7 TranslateX .5 8
Equalize .3 7 AutoContrast .4 8
TranslateY .4 3 Sharpness .2 6
Brightness .9 6 Color .2 8
Solarize .5 2 Invert 0 3
Equalize .2 0 AutoContrast .6 0
Equalize .2 8 Equalize .8 4
Color .9 9 Equalize .6 6
AutoContrast .8 4 Solarize .2 8
Brightness .1 3 Color .7 0
Solarize .4 5 AutoContrast .9 3
TranslateY .9 9 TranslateY .7 9
AutoContrast .9 2 Solarize .8 3
Equalize .8 8 Invert .1 3
TranslateY .7 9 AutoContrast .9 1
"""

_SVHN = """
ShearX .9 4 Invert .2 3
ShearY .9 8 Invert .7 5
Equalize .6 5 Solarize .6 6
Invert .9 3 Equalize .6 3
Equalize .6 1 Rotate .9 3
ShearX .9 4 AutoContrast .8 3
ShearY .9 8 Invert .4 5
ShearY .9 5 Solarize .2 6
Invert .9 6 AutoContrast .8 1
Equalize .6 3 Rotate .9 3
ShearX .9 4 Solarize .3 3
ShearY .8 8 Invert .7 4
Equalize .9 5 TranslateY .6 6
Invert .9 4 Equalize .6 7
Contrast .3 3 Rotate .8 4
Invert .8 5 TranslateY 0 2
ShearY .7 6 Solarize .4 8
Invert .6 4 Rotate .8 4
ShearY .3 7 TranslateX .9 3
ShearX .1 6 Invert .6 5
Solarize .7 2 TranslateY .6 7
ShearY .8 4 Invert .8 8
ShearX .7 9 TranslateY .8 3
ShearY .8 5 AutoContrast .7 3
ShearX .7 2 Invert .1 5
"""

TABLES: Mapping[str, str] = {
    "imagenet": _IMAGENET,
    "good": _GOOD,
    "v0": _V0,
    "test": _TEST,
    "cifar10": _CIFAR10,
    "svhn": _SVHN,
}
