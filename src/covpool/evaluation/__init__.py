"""Judge a network: predictions, accuracy, cost, and the result that records them."""

from covpool.evaluation.predict import Predictions, predict

__all__ = ["Predictions", "predict"]
