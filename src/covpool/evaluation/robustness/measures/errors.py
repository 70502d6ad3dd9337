"""From errors on corrupted pictures to one number: mean errors, mCE, relative mCE.

Which corruptions a number averages is part of its name: the standard 15 of Hendrycks and Dietterich, or all 19, over
which the program of Assemble-ResNet averaged (its published 48.9 is such a one).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from covpool.data.corruptions import EXTRA, SEVERITIES, STANDARD
from covpool.evaluation.robustness.measures.reference import ALEXNET_CLEAN_ERROR, ALEXNET_ERRORS

Errors = Mapping[str, Mapping[int, float]]  # corruption -> severity -> top-1 error in 0..1
AVERAGES = {"standard_15": STANDARD, "assembled_19": STANDARD + EXTRA}


def mean_errors(errors: Errors) -> dict[str, float]:
    """Corruption -> mean error over its severities.

    Example:
        >>> mean_errors({"fog": {1: 0.25, 2: 0.75}})
        {'fog': 0.5}
    """
    return {name: sum(of.values()) / len(of) for name, of in errors.items()}


def mce(errors: Mapping[str, float], names: Collection[str], reference: Mapping[str, float] = ALEXNET_ERRORS) -> float:
    r"""Mean corruption error: the mean over ``names`` of error / error of the reference network, in percent.

    $100 / |C| \sum_c \sum_s E_{s,c} / \sum_s E^{ref}_{s,c}$, where every severity has equally many pictures.
    Source: Hendrycks and Dietterich, ICLR 2019, section 4.1.

    Args:
        errors: corruption -> mean error over the severities.
        reference: the same of AlexNet, or of another network judged on the same pictures.
    """
    return 100 * sum(errors[name] / reference[name] for name in names) / len(names)


def relative_mce(
    errors: Mapping[str, float],
    clean_error: float,
    names: Collection[str],
    reference: Mapping[str, float] = ALEXNET_ERRORS,
    reference_clean_error: float = ALEXNET_CLEAN_ERROR,
) -> float:
    r"""Mean over ``names`` of what a corruption adds to the clean error, against what it adds to the reference's.

    $100 / |C| \sum_c (E_c - E_{clean}) / (E^{ref}_c - E^{ref}_{clean})$. Source: ibid. NaN where the reference loses
    nothing by a corruption.
    """
    added = {name: reference[name] - reference_clean_error for name in names}
    if not all(added.values()):
        return float("nan")
    return 100 * sum((errors[name] - clean_error) / added[name] for name in names) / len(names)


def summary(errors: Errors, clean_error: float | None, *, is_imagenet: bool) -> dict[str, float | None]:
    """Every average that these errors allow, each under the name of what it averages.

    Args:
        clean_error: on the same pictures uncorrupted; None leaves out what needs it.
        is_imagenet: whether the pictures are ImageNet's, for which alone AlexNet's errors are a reference.

    Example:
        >>> summary({name: {s: 0.5 for s in range(1, 6)} for name in STANDARD}, None, is_imagenet=False)
        {'mean_error_standard_15': 0.5}
    """
    found: dict[str, float | None] = {}
    for what, names in AVERAGES.items():
        if not set(names) <= set(errors):
            continue
        means = mean_errors({name: errors[name] for name in names})
        found[f"mean_error_{what}"] = sum(means.values()) / len(means)
        if is_imagenet and all(set(errors[name]) == set(SEVERITIES) for name in names):
            found[f"mce_{what}"] = mce(means, names)
            if clean_error is not None:
                found[f"relative_mce_{what}"] = relative_mce(means, clean_error, names)
    return found


def against(
    errors: Errors, clean_error: float | None, other: Errors, other_clean_error: float | None
) -> dict[str, object]:
    """mCE and relative mCE with another network in AlexNet's place, over all corruptions and severities both have.

    Under 100 is better than the other network. ``averages`` says what was averaged.
    """
    shared = {name: sorted(set(of) & set(other[name])) for name, of in errors.items() if name in other}
    shared = {name: severities for name, severities in shared.items() if severities}
    if not shared:
        raise ValueError("the reference was judged on none of these corruptions and severities; run it on the same")
    own, others = (mean_errors({n: {s: of[n][s] for s in ss} for n, ss in shared.items()}) for of in (errors, other))
    found: dict[str, object] = {"averages": shared, "mce": None, "relative_mce": None}
    if all(others.values()):
        found["mce"] = mce(own, list(shared), others)
    if clean_error is not None and other_clean_error is not None:
        found["relative_mce"] = relative_mce(own, clean_error, list(shared), others, other_clean_error)
    return found
