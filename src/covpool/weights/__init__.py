"""Published weights -> our networks, with an account of every array."""

from covpool.weights.catalog import Offline, offline
from covpool.weights.load import load_weights, read_arrays, read_torch
from covpool.weights.rename import KEEP, Ledger, Rule, WeightsMismatch, rename

__all__ = [
    "KEEP",
    "Ledger",
    "Offline",
    "Rule",
    "WeightsMismatch",
    "load_weights",
    "offline",
    "read_arrays",
    "read_torch",
    "rename",
]
