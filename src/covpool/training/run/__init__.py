"""The run folder on the disk: recipe, journal, summary, checkpoints, states of the random generators."""

from covpool.training.run.checkpoint import load_checkpoint, save_checkpoint
from covpool.training.run.claim import RunInUse, claimed
from covpool.training.run.folder import RunFolder, recipe_to_resume
from covpool.training.run.generators import (
    generator_states,
    isolated_generators,
    rank_seed,
    seed_generators,
    set_generator_states,
    snapshot_generators,
)
from covpool.training.run.journal import Journal, read_journal, rewind_journal, write_summary
from covpool.training.run.shards import DamagedCheckpoint, load_shards, save_shards
from covpool.training.run.writing import NotWritten, whole_file

__all__ = [
    "DamagedCheckpoint",
    "Journal",
    "NotWritten",
    "RunFolder",
    "RunInUse",
    "claimed",
    "generator_states",
    "isolated_generators",
    "load_checkpoint",
    "load_shards",
    "rank_seed",
    "read_journal",
    "recipe_to_resume",
    "rewind_journal",
    "save_checkpoint",
    "save_shards",
    "seed_generators",
    "set_generator_states",
    "snapshot_generators",
    "whole_file",
    "write_summary",
]
