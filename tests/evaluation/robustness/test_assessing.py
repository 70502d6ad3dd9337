"""The parts of a judgement as fields of the result."""

import numpy as np
import pytest
from PIL import Image

from covpool.data import BadSource
from covpool.data.corruptions import STANDARD
from covpool.evaluation.robustness import Robustness, save_corrupted
from covpool.evaluation.robustness.assessing import (
    assess_attacks,
    assess_generated,
    assess_released,
    assess_sequences,
    assess_shifted,
    compared,
)
from covpool.evaluation.robustness.corrupted import conditions_of
from evaluation.robustness.subjects import PREPROCESSING, SIDE, images, picture, subject


def test_generated_pictures_give_errors_and_averages_but_no_mce_outside_imagenet():
    found = assess_generated(subject(), images(4), STANDARD, [5])
    assert found["images"] == 4
    assert found["clean_error"] == 0.25
    assert set(found["errors"]) == set(STANDARD)
    means = [np.mean(list(of.values())) for of in found["errors"].values()]
    assert found["averages"] == {"mean_error_standard_15": pytest.approx(np.mean(means))}


def test_released_folders_give_what_the_generator_gave_that_wrote_them(tmp_path):
    save_corrupted(images(), PREPROCESSING, tmp_path / "c", conditions_of(["fog", "contrast"], [5]))
    generated = assess_generated(subject(), images(), ["fog", "contrast"], [5])
    released = assess_released(subject(), tmp_path / "c", STANDARD, [1, 5], clean=images(), results=tmp_path / "counts")
    assert released["errors"] == generated["errors"]
    assert released["clean_error"] == generated["clean_error"]
    assert released["pictures"] == "released"
    with pytest.raises(BadSource, match="none of the corruptions and severities"):
        assess_released(subject(), tmp_path / "c", ["snow"], [1])


def test_a_network_against_itself_is_100_and_other_pictures_are_not_compared():
    fields = assess_generated(subject(), images(), ["contrast", "pixelate"], [5])
    found = compared(fields, Robustness(**fields, about={"network": "itself"}))
    assert found["mce"] == pytest.approx(100)
    assert found["network"] == "itself"
    assert found["averages"] == {"contrast": [5], "pixelate": [5]}
    other = assess_generated(subject(), images(), ["contrast"], [5], seed=1)
    with pytest.raises(ValueError, match="judged other pictures \\(seed differ\\)"):
        compared(fields, Robustness(**other))


def test_sequences_are_kept_and_compared(tmp_path):
    for video in range(2):
        folder = tmp_path / "p" / "tilt" / "n0" / str(video)
        folder.mkdir(parents=True)
        for frame in range(5):
            picture(5 * video + frame).resize((SIDE, SIDE)).save(folder / f"{frame}.png")
    first = assess_sequences(subject(), tmp_path / "p", results=tmp_path / "counts")
    assert first["mfr_standard_10"] is None
    assert first["perturbations"]["tilt"]["videos"] == 2
    for path in (tmp_path / "p").rglob("*.png"):
        Image.new("RGB", (SIDE, SIDE)).save(path)
    other = Robustness(sequences=first)
    again = assess_sequences(subject(), tmp_path / "p", results=tmp_path / "counts", other=other)
    assert again["perturbations"] == first["perturbations"]
    assert again["against"]["averages"] == ["tilt"]
    assert again["against"]["mfr"] == pytest.approx(100)
    afresh = assess_sequences(subject(), tmp_path / "p", other=other)
    assert afresh["against"]["mfr"] == 0


def test_shifted_folders_and_attacks_are_recorded(tmp_path):
    for seed in range(6):
        (tmp_path / "r" / "dog").mkdir(parents=True, exist_ok=True)
        picture(seed).save(tmp_path / "r" / "dog" / f"{seed}.png")
    found = assess_shifted(subject(), [str(tmp_path / "r")])["r"]
    assert found == found | {"images": 6, "skipped": 0, "classes": 1, "top1": 1.0}
    attacks = assess_attacks(subject(), images(), ["fgsm"], [1, 0.5], seed=0)
    assert set(attacks["fgsm"]) == {"1", "0.5"}
    assert attacks["clean"] == {"0": 0.2}


def test_nothing_readable_is_told():
    with pytest.raises(ValueError, match="no picture could be read"):
        assess_generated(subject(skip_broken=True), images(2, (0, 1)), [], [])
