"""Batches that are gathered from an array and need no picture of their own."""

from covpool.data.whole.batches import WholeBatches, whole_batches
from covpool.data.whole.threads import in_threads

__all__ = ["WholeBatches", "in_threads", "whole_batches"]
