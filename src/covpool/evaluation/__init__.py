"""Judge a network: predictions, accuracy, cost, and the result that records them."""

from covpool.evaluation.accuracy import (
    Interval,
    confusion,
    per_class_accuracy,
    topk_accuracy,
    wilson_interval,
)
from covpool.evaluation.answers.answers import Answers
from covpool.evaluation.answers.label_map import output_of_each_class
from covpool.evaluation.answers.merging import merge_predictions
from covpool.evaluation.answers.paired import Paired, bootstrap_difference, compare_paired, mcnemar
from covpool.evaluation.answers.views import judged_as, judging_transform
from covpool.evaluation.cost import Cost, cost
from covpool.evaluation.evaluate import evaluate, judge
from covpool.evaluation.predict import Predictions, predict
from covpool.evaluation.result import Result, write_json
from covpool.evaluation.speed import Speed, speed
from covpool.evaluation.stamp import machine, stamp

__all__ = [
    "Answers",
    "Cost",
    "Interval",
    "Paired",
    "Predictions",
    "Result",
    "Speed",
    "bootstrap_difference",
    "compare_paired",
    "confusion",
    "cost",
    "evaluate",
    "judge",
    "judged_as",
    "judging_transform",
    "machine",
    "mcnemar",
    "merge_predictions",
    "output_of_each_class",
    "per_class_accuracy",
    "predict",
    "speed",
    "stamp",
    "topk_accuracy",
    "wilson_interval",
    "write_json",
]
