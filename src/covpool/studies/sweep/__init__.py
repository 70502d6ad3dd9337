"""Recipes tried one after the other by Optuna: a study in a folder, shared by processes and machines."""

from covpool.studies.sweep.plan import Plan
from covpool.studies.sweep.space import SweepError, read_space
from covpool.studies.sweep.sweep import sweep

__all__ = ["Plan", "SweepError", "read_space", "sweep"]
