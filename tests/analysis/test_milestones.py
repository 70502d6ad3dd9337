import pytest

from covpool.analysis import epochs_to_reach


@pytest.mark.parametrize(
    ("accuracies", "target", "epochs"),
    [
        ([0.5, 0.7, 0.9], 0.8, 2.5),
        ([0.9, 0.5], 0.8, 1.0),
        ([0.5, 0.8], 0.8, 2.0),
        ([0.5, None, 0.9], 0.6, 1.5),
        ([None, None], 0.1, None),
        ([], 0.1, None),
        ([0.1, 0.6, 0.2, 0.7], 0.6, 2.0),
        ([0.1, 0.2], 0.3, None),
    ],
)
def test_epochs_on_a_straight_line_between_evaluations(accuracies, target, epochs):
    assert epochs_to_reach(accuracies, target) == (None if epochs is None else pytest.approx(epochs))
