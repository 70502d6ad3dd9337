"""mCE against the numbers of the official programs, and against the published rows of a table."""

import numpy as np
import pytest

from covpool.data.corruptions import EXTRA, STANDARD
from covpool.evaluation.robustness.measures.errors import against, mce, mean_errors, relative_mce, summary
from covpool.evaluation.robustness.measures.reference import ALEXNET_CLEAN_ERROR, ALEXNET_ERRORS
from golden_files import GOLDEN


@pytest.fixture(scope="module")
def official():
    with np.load(GOLDEN / "assembled" / "robustness.npz") as file:
        return {name: file[name] for name in file.files}


@pytest.fixture(scope="module")
def errors(official):
    """Corruption -> severity -> error of the made-up predictions."""
    wrong = (official["predictions"] != official["labels"]).mean(axis=2)
    return {
        str(name): {severity: float(wrong[row, severity - 1]) for severity in range(1, 6)}
        for row, name in enumerate(official["corruption_names"])
    }


def test_the_references_and_their_order_are_the_official_ones(official):
    names = [str(name) for name in official["corruption_names"]]
    assert list(ALEXNET_ERRORS) == names == [*STANDARD, *EXTRA]
    assert list(ALEXNET_ERRORS.values()) == official["alexnet_ce"].tolist()


def test_mce_is_the_official_number_and_says_which_one_it_is(official, errors):
    found = summary(errors, 0.2, is_imagenet=True)
    assert found["mce_assembled_19"] == pytest.approx(float(official["mce19_official_repo"]), abs=1e-10)
    assert found["mce_standard_15"] == pytest.approx(float(official["mce15_standard"]), abs=1e-10)
    assert 100 * found["mean_error_assembled_19"] == pytest.approx(float(official["unnormalised19"]), abs=1e-10)


def test_each_corruption_error_is_the_official_one(official, errors):
    for name, expected in zip(errors, official["ce"], strict=True):
        assert mce(mean_errors(errors), [name]) == pytest.approx(100 * expected)


def test_the_published_resnet_50_has_its_published_relative_mce():
    """Table 1 of the paper: clean error 23.9, the CE of each corruption, mCE 76.7, relative mCE 105.0."""
    rows = [80, 82, 83, 75, 89, 78, 80, 78, 75, 66, 57, 71, 85, 77, 77]
    published = {name: ce / 100 * ALEXNET_ERRORS[name] for name, ce in zip(STANDARD, rows, strict=True)}
    assert mce(published, STANDARD) == pytest.approx(76.7, abs=0.3)
    assert relative_mce(published, 0.239, STANDARD) == pytest.approx(105.0, abs=1.0)


def test_alexnet_itself_has_an_mce_and_a_relative_mce_of_100():
    assert mce(ALEXNET_ERRORS, STANDARD) == pytest.approx(100)
    assert relative_mce(ALEXNET_ERRORS, ALEXNET_CLEAN_ERROR, STANDARD) == pytest.approx(100)


def test_no_average_is_given_that_the_errors_do_not_allow(errors):
    fifteen = {name: errors[name] for name in STANDARD}
    assert set(summary(fifteen, None, is_imagenet=True)) == {"mean_error_standard_15", "mce_standard_15"}
    assert set(summary(fifteen, 0.1, is_imagenet=False)) == {"mean_error_standard_15"}
    assert summary({"fog": {1: 0.5}}, 0.1, is_imagenet=True) == {}
    one_severity = {name: {3: of[3]} for name, of in fifteen.items()}
    assert set(summary(one_severity, 0.1, is_imagenet=True)) == {"mean_error_standard_15"}


def test_another_network_takes_the_place_of_alexnet():
    own = {"fog": {1: 0.2, 2: 0.4, 3: 0.9}, "snow": {1: 0.5}}
    other = {"fog": {1: 0.4, 2: 0.8}, "frost": {1: 0.5}}
    found = against(own, 0.1, other, 0.2)
    assert found["averages"] == {"fog": [1, 2]}
    assert found["mce"] == pytest.approx(50)
    assert found["relative_mce"] == pytest.approx(100 * (0.3 - 0.1) / (0.6 - 0.2))
    with pytest.raises(ValueError, match="none of these corruptions"):
        against(own, 0.1, {"frost": {1: 0.5}}, 0.1)
    assert against({"fog": {1: 0.2}}, 0.1, {"fog": {1: 0.0}}, 0.0)["mce"] is None
