"""The optimization view of pooling: networks measured along their training, side by side."""

from covpool.studies.landscape.analyze import Probe, analyze, probe_batches
from covpool.studies.landscape.snapshots import recipes_of, snapshots, train_with_snapshots

__all__ = ["Probe", "analyze", "probe_batches", "recipes_of", "snapshots", "train_with_snapshots"]
