"""Pickles as plain data: an interpreter of its own that can make nothing else."""

from covpool.formats.pickled.machine import read_plain_pickle

__all__ = ["read_plain_pickle"]
