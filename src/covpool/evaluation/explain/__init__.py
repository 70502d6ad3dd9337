"""Explain a score: what each position and each pair of channels adds to it."""

from covpool.evaluation.explain.contributions import Contributions, contributions
from covpool.evaluation.explain.descriptors import ScaledHead
from covpool.evaluation.explain.explanation import Explanation, explain
from covpool.evaluation.explain.pairs import Pair, channel_pairs
from covpool.evaluation.explain.record import record

__all__ = ["Contributions", "Explanation", "Pair", "ScaledHead", "channel_pairs", "contributions", "explain", "record"]
