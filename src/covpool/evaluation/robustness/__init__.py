"""Robustness: corrupted pictures, sequences of frames, attacks, pictures of another kind."""

from covpool.evaluation.robustness.attacks import ATTACKS, fgsm, judge_attacks, pgd
from covpool.evaluation.robustness.columns import columns_of, is_imagenet
from covpool.evaluation.robustness.corrupted import conditions_of, judge_corrupted, save_corrupted
from covpool.evaluation.robustness.folders import class_folders, judge_folder, judge_released, released_conditions
from covpool.evaluation.robustness.frames import judge_videos, perturbations_in
from covpool.evaluation.robustness.measures.errors import AVERAGES, against, mce, mean_errors, relative_mce, summary
from covpool.evaluation.robustness.measures.reference import ALEXNET_CLEAN_ERROR, ALEXNET_ERRORS, ALEXNET_FLIPS
from covpool.evaluation.robustness.measures.sequences import Stability, compares_to_first, mfr, stability
from covpool.evaluation.robustness.records import CLEAN, Condition, Count, Records
from covpool.evaluation.robustness.result import Robustness, errors_of
from covpool.evaluation.robustness.subject import Subject

__all__ = [
    "ALEXNET_CLEAN_ERROR",
    "ALEXNET_ERRORS",
    "ALEXNET_FLIPS",
    "ATTACKS",
    "AVERAGES",
    "CLEAN",
    "Condition",
    "Count",
    "Records",
    "Robustness",
    "Stability",
    "Subject",
    "against",
    "class_folders",
    "columns_of",
    "compares_to_first",
    "conditions_of",
    "errors_of",
    "fgsm",
    "is_imagenet",
    "judge_attacks",
    "judge_corrupted",
    "judge_folder",
    "judge_released",
    "judge_videos",
    "mce",
    "mean_errors",
    "mfr",
    "perturbations_in",
    "pgd",
    "relative_mce",
    "released_conditions",
    "save_corrupted",
    "stability",
    "summary",
]
