"""Judge a network: predictions, accuracy, cost, and the result that records them."""

from covpool.evaluation.accuracy import (
    Interval,
    confusion,
    per_class_accuracy,
    topk_accuracy,
    wilson_interval,
)
from covpool.evaluation.cost import Cost, cost
from covpool.evaluation.evaluate import evaluate
from covpool.evaluation.predict import Predictions, predict
from covpool.evaluation.result import Result, write_json
from covpool.evaluation.stamp import machine, stamp

__all__ = [
    "Cost",
    "Interval",
    "Predictions",
    "Result",
    "confusion",
    "cost",
    "evaluate",
    "machine",
    "per_class_accuracy",
    "predict",
    "stamp",
    "topk_accuracy",
    "wilson_interval",
    "write_json",
]
