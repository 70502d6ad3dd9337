"""Curves of a training: TensorBoard, CSV, Weights & Biases, trackio; and what is looked at inside the network."""

from covpool.training.logging.inside import PICTURES, Sight, look_inside
from covpool.training.logging.table import LOGGERS, logger_mistakes, open_loggers
from covpool.training.logging.writer import Loggers

__all__ = ["LOGGERS", "PICTURES", "Loggers", "Sight", "logger_mistakes", "look_inside", "open_loggers"]
