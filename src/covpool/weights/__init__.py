"""Published weights -> our networks, with an account of every array."""

from covpool.weights.catalog import Offline, offline
from covpool.weights.convert import convert, export, find_dialect
from covpool.weights.dialect import Dialect
from covpool.weights.files import import_file, read_arrays, read_torch, write_arrays
from covpool.weights.load import load_weights
from covpool.weights.rename import KEEP, Ledger, Rule, WeightsMismatch, rename

__all__ = [
    "KEEP",
    "Dialect",
    "Ledger",
    "Offline",
    "Rule",
    "WeightsMismatch",
    "convert",
    "export",
    "find_dialect",
    "import_file",
    "load_weights",
    "offline",
    "read_arrays",
    "read_torch",
    "rename",
    "write_arrays",
]
