"""Techniques that change a network, each by itself and on any backbone."""

from covpool.models.techniques.body import NothingToChange
from covpool.models.techniques.table import (
    ChoiceLike,
    Technique,
    apply_techniques,
    plain,
    technique_mistakes,
    techniques,
)

__all__ = [
    "ChoiceLike",
    "NothingToChange",
    "Technique",
    "apply_techniques",
    "plain",
    "technique_mistakes",
    "techniques",
]
