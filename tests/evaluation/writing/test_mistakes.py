import torch

from covpool.evaluation.predict import Predictions
from covpool.evaluation.writing.mistakes import worst_mistakes


def predictions(rows):
    """(label, answer, logit of the answer) each."""
    logits = torch.zeros(len(rows), 3)
    for place, (_, answer, size) in enumerate(rows):
        logits[place, answer] = size
    return Predictions(logits, torch.tensor([label for label, *_ in rows]), torch.arange(len(rows)))


def test_the_most_frequent_confusion_comes_first_and_in_it_the_most_confident_picture():
    said = predictions([(0, 1, 2.0), (0, 0, 9.0), (1, 2, 8.0), (0, 1, 4.0), (0, 1, 3.0)])
    found = worst_mistakes(said, list("abcde"), ["x", "y", "z"], each=2)
    assert [one["key"] for one in found] == ["d", "e", "c"]
    assert (found[0]["label"], found[0]["predicted"]) == ("x", "y")
    assert found[0]["confidence"] > found[1]["confidence"] > 0


def test_their_number_is_bounded_and_right_or_undefined_answers_are_none():
    said = predictions([(k % 3, (k + 1) % 3, 1.0) for k in range(99)] + [(0, 0, 1.0), (0, 1, float("nan"))])
    keys = [str(k) for k in range(101)]
    found = worst_mistakes(said, keys, ["x", "y", "z"], cells=2, each=5)
    assert len(found) == 10
    assert {one["key"] for one in worst_mistakes(said, keys, ["x", "y", "z"], cells=9, each=99)} == set(keys[:99])
