"""Techniques that change a network, each by itself and on any backbone."""

from covpool.models.techniques.body import NothingToChange
from covpool.models.techniques.table import Technique, apply_techniques, technique_mistakes, techniques

__all__ = ["NothingToChange", "Technique", "apply_techniques", "technique_mistakes", "techniques"]
