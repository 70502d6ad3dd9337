"""Robustness results side by side: corruptions, sequences, attacks and pictures of another kind."""

from covpool.reporting.sections.robustness.showing import section

__all__ = ["section"]
