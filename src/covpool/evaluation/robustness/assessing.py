"""The parts of a judgement of robustness, each as fields of ``Robustness``."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

from covpool.data import BadSource, ImageSet
from covpool.evaluation.accuracy import wilson_interval
from covpool.evaluation.result import write_json
from covpool.evaluation.robustness.attacks import judge_attacks
from covpool.evaluation.robustness.columns import IMAGENET_OUTPUTS, is_imagenet
from covpool.evaluation.robustness.corrupted import (
    RELEASED_QUALITY,
    conditions_of,
    digest_of_pictures,
    judge_corrupted,
)
from covpool.evaluation.robustness.folders import class_folders, judge_folder, judge_released, released_conditions
from covpool.evaluation.robustness.frames import judge_videos, perturbations_in
from covpool.evaluation.robustness.measures.errors import against, summary
from covpool.evaluation.robustness.measures.sequences import compares_to_first, mfr
from covpool.evaluation.robustness.records import CLEAN
from covpool.evaluation.robustness.result import Robustness, errors_of
from covpool.evaluation.robustness.subject import Progress, Subject

Bar = Callable[[str], AbstractContextManager[Progress | None]]


def no_bar(what: str) -> AbstractContextManager[Progress | None]:
    """Shows nothing."""
    return nullcontext()


def assess_generated(
    subject: Subject,
    images: ImageSet,
    names: Sequence[str],
    severities: Sequence[int],
    *,
    seed: int = 0,
    jpeg: int = RELEASED_QUALITY,
    results: str | Path | None = None,
    save: str | Path | None = None,
    bar: Bar = no_bar,
) -> dict[str, Any]:
    """Errors on the clean pictures and on those that our own generator makes of them; see ``judge_corrupted``."""
    conditions = conditions_of(names, severities)
    with bar("corrupting and judging") as progress:
        records = judge_corrupted(
            subject, images, conditions, seed=seed, jpeg=jpeg, results=results, save=save, progress=progress
        )
    judged = records.count(CLEAN).images
    if not judged:
        raise ValueError("no picture could be read; check the data folder")
    errors, clean = errors_of(records, conditions), records.error(CLEAN)
    return {
        "images": judged,
        "skipped": len(images) - judged,
        "clean_error": clean,
        "pictures": "covpool",
        "errors": errors,
        "averages": summary(errors, clean, is_imagenet=is_imagenet(images.classes)),
        "settings": {**settings_of(images, seed, jpeg), "preprocessing": subject.preprocessing.to_dict()},
    }


def assess_released(
    subject: Subject,
    root: str | Path,
    names: Sequence[str],
    severities: Sequence[int],
    *,
    clean: ImageSet | None = None,
    results: str | Path | None = None,
    bar: Bar = no_bar,
) -> dict[str, Any]:
    """Errors on the folders of a released ImageNet-C, and on the ``clean`` pictures they were made of, where given."""
    wanted = set(conditions_of(names, severities))
    folders = {condition: path for condition, path in released_conditions(root).items() if condition in wanted}
    if not folders:
        raise BadSource(str(root), [f"{str(root)!r} has none of the corruptions and severities that are asked for"])
    with bar("judging released folders") as progress:
        records, classes = judge_released(subject, folders, results=_below(results, "released"), progress=progress)
    error = None
    if clean is not None:
        with bar("judging clean pictures") as progress:
            counts = judge_corrupted(subject, clean, [], results=_below(results, "clean"), progress=progress)
        error = counts.error(CLEAN)
    errors = errors_of(records, list(folders))
    return {
        "images": max(records.count(condition).images for condition in folders),
        "clean_error": error,
        "pictures": "released",
        "errors": errors,
        "averages": summary(errors, error, is_imagenet=is_imagenet(classes)),
        "settings": {"folder": str(root), "preprocessing": subject.preprocessing.to_dict()},
    }


def settings_of(images: ImageSet, seed: int, jpeg: int) -> dict[str, Any]:
    """What corrupted pictures depend on, but for their size."""
    return {"seed": seed, "jpeg": jpeg, "keys": digest_of_pictures(images)}


def must_compare(pictures: str, settings: Mapping[str, Any], other: Robustness) -> None:
    """ValueError where ``other`` was judged on corrupted pictures that were made otherwise."""
    unlike = [key for key in ("seed", "jpeg", "keys") if settings.get(key) != other.settings.get(key)]
    if pictures != other.pictures:
        unlike = ["source of the corrupted pictures"]
    if other.errors and unlike:
        raise ValueError(
            f"the reference judged other pictures ({', '.join(unlike)} differ); "
            "judge both networks with the same options"
        )


def compared(fields: Mapping[str, Any], other: Robustness) -> dict[str, Any]:
    """``against``: the errors of ``fields`` beside those of another network; only pictures made alike compare."""
    must_compare(fields["pictures"], fields["settings"], other)
    found = against(fields["errors"], fields.get("clean_error"), other.errors, other.clean_error)
    return {**found, "network": other.about.get("network")}


def assess_sequences(
    subject: Subject,
    root: str | Path,
    *,
    difficulty: int = 1,
    results: str | Path | None = None,
    other: Robustness | None = None,
    bar: Bar = no_bar,
) -> dict[str, Any]:
    """Flip probabilities and distances on every perturbation of an ImageNet-P folder, and mFR.

    mFR is given for networks of ImageNet at difficulty 1, for which AlexNet's flip probabilities are published; with
    ``other``, mFR and mT5D in relation to that network. Finished perturbations are kept in ``results``.
    """
    found = {}
    for name, videos in perturbations_in(root, difficulty).items():
        facts = {"network": subject.digest(), "videos": str(videos[0].resolve()), "count": len(videos)}
        kept = None if results is None else Path(results) / "sequences" / f"{name}-{difficulty}.json"
        found[name] = _kept(kept, facts)
        if found[name] is None:
            with bar(f"judging {name}") as progress:
                to_first = compares_to_first(name)
                made = judge_videos(subject, videos, to_first=to_first, difficulty=difficulty, progress=progress)
            found[name] = {**asdict(made), "videos": len(videos)}
            if kept is not None:
                write_json(kept, {"facts": facts, "found": found[name]})
    flips = {name: of["flip"] for name, of in found.items()}
    knows_imagenet = subject.outputs - IMAGENET_OUTPUTS in (0, 1)
    fields: dict[str, Any] = {"difficulty": difficulty, "perturbations": found}
    fields["mfr_standard_10"] = mfr(flips) if knows_imagenet and difficulty == 1 else None
    if other is not None and other.sequences:
        fields["against"] = _sequences_against(found, other.sequences["perturbations"])
    return fields


def _sequences_against(own: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    shared = [name for name in own if name in other]
    found: dict[str, Any] = {"averages": shared}
    for title, key in (("mfr", "flip"), ("mt5d", "top5")):
        usable = shared and all(other[name][key] for name in shared)
        found[title] = 100 * sum(own[n][key] / other[n][key] for n in shared) / len(shared) if usable else None
    return found


def _kept(path: Path | None, facts: Mapping[str, Any]) -> Any:
    if path is None or not path.exists():
        return None
    content = json.loads(path.read_text(encoding="utf-8"))
    return content["found"] if content.get("facts") == facts else None


def assess_shifted(subject: Subject, roots: Sequence[str], *, bar: Bar = no_bar) -> dict[str, Any]:
    """Accuracy on folders of class folders, among the classes that each holds (ImageNet-A, -R, -Sketch, -V2)."""
    found = {}
    for root in roots:
        images = class_folders(root)
        with bar(f"judging {Path(root).name}"):
            (count, wrong), skipped = judge_folder(subject, images)
        right = 1 - wrong / count
        interval = list(wilson_interval(right, count))
        facts = {"images": count, "skipped": skipped, "classes": len(images.classes)}
        found[Path(root).name] = {**facts, "top1": right, "top1_interval": interval}
    return found


def assess_attacks(
    subject: Subject,
    images: ImageSet,
    attacks: Sequence[str],
    epsilons: Sequence[float],
    *,
    seed: int,
    bar: Bar = no_bar,
) -> dict[str, dict[str, float]]:
    """Attack -> epsilon -> error; ``clean`` -> 0 -> that of the same pictures without one."""
    with bar("attacking") as progress:
        records = judge_attacks(subject, images, attacks, epsilons, seed=seed, progress=progress)
    return {
        "clean": {"0": records.error(CLEAN)},
        **{
            name: {f"{epsilon:g}": records.error(CLEAN._replace(name=name, level=epsilon)) for epsilon in epsilons}
            for name in attacks
        },
    }


def _below(folder: str | Path | None, name: str) -> Path | None:
    return None if folder is None else Path(folder) / name
