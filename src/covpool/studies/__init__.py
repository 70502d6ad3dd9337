"""Many runs, one answer: which pool pays on which backbone."""

from covpool.evaluation import mcnemar
from covpool.studies.advice import advise
from covpool.studies.compare import compare
from covpool.studies.request import CompareError
from covpool.studies.statistics import accuracy_summary, paired_difference

__all__ = ["CompareError", "accuracy_summary", "advise", "compare", "mcnemar", "paired_difference"]
