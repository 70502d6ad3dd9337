import numpy as np
import pytest

from covpool.evaluation.calibration import calibrate, calibration_scores, fit_temperature
from covpool.evaluation.calibration.judging import split


def overconfident(rows=600, classes=4):
    random = np.random.default_rng(0)
    logits = 1.5 * random.standard_normal((rows, classes))
    shares = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return 4 * logits, np.array([random.choice(classes, p=p) for p in shares])


def test_the_temperature_of_one_part_mends_the_other():
    logits, labels = overconfident()
    found = calibrate(logits, labels, about={"who": "me"})
    assert found.fit_images + found.judged_images == 600
    assert found.temperature == pytest.approx(4, rel=0.2)
    assert found.after.ece < found.before.ece / 3
    assert found.after.nll < found.before.nll
    assert found.after.accuracy == found.before.accuracy
    judged, fitted = split(labels, 0.5, 0)
    assert found.temperature == fit_temperature(logits[fitted], labels[fitted]).value
    assert found.before == calibration_scores(logits[judged], labels[judged])
    plain = found.to_dict()
    assert plain["schema"] == "covpool-calibration/1"
    assert len(plain["before"]["reliability"]) == 10
    assert plain["about"] == {"who": "me"}


def test_the_split_is_a_function_of_the_seed_and_takes_of_every_class():
    labels = np.repeat(np.arange(5), 10)
    judged, fitted = split(labels, 0.3, 7)
    assert np.array_equal(np.sort(np.concatenate([judged, fitted])), np.arange(50))
    assert np.bincount(labels[fitted]).tolist() == [3] * 5
    assert np.array_equal(split(labels, 0.3, 7)[0], judged)
    assert not np.array_equal(split(labels, 0.3, 8)[0], judged)


@pytest.mark.parametrize("labels", [[0, 1], [0, 1, 2], [0, 0, 1], [5, 5, 5, 2, 3]])
def test_classes_with_a_single_picture_are_split_all_the_same(labels):
    judged, fitted = split(np.array(labels), 0.5, 0)
    assert len(judged) + len(fitted) == len(labels)
    assert len(judged)
    assert len(fitted)


def test_one_picture_is_too_few():
    with pytest.raises(ValueError, match="at least 2 pictures"):
        calibrate(np.zeros((1, 2)), np.array([0]))
