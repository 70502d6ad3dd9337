"""The doctor: where a value that is no number came from, and what the likely causes are."""

from covpool.training.doctor.admit import admit, second_opinion
from covpool.training.doctor.diagnosis import Diagnosis

__all__ = ["Diagnosis", "admit", "second_opinion"]
