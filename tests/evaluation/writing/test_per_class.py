"""The table of classes against scikit-learn's."""

import csv

import numpy as np
import pytest
import torch
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support, top_k_accuracy_score

from covpool.evaluation import confusion, topk_accuracy, wilson_interval
from covpool.evaluation.writing.per_class import per_class_rows, write_confusion, write_per_class


@pytest.fixture
def said():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(300, 7))
    labels = rng.integers(0, 7, 300)
    logits[np.arange(300), labels] += 1.5
    return labels, logits


def test_counts_and_top_k_are_those_of_scikit_learn(said):
    labels, logits = said
    found = confusion(torch.from_numpy(labels), torch.from_numpy(logits.argmax(1)), 7)
    assert found.tolist() == confusion_matrix(labels, logits.argmax(1)).tolist()
    for k in (1, 2, 5):
        expected = top_k_accuracy_score(labels, logits, k=k)
        assert topk_accuracy(torch.from_numpy(logits), torch.from_numpy(labels), k) == pytest.approx(expected)


def test_recall_precision_and_f1_are_those_of_scikit_learn(said):
    labels, logits = said
    answers = logits.argmax(1)
    rows = per_class_rows(confusion_matrix(labels, answers).tolist(), [f"c{k}" for k in range(7)])
    expected = precision_recall_fscore_support(labels, answers)
    found = [(row.precision, row.recall, row.f1, row.pictures) for row in rows]
    assert np.array(found) == pytest.approx(np.array(expected).T)
    for row in rows:
        assert (row.low, row.high) == wilson_interval(row.right / row.pictures, row.pictures)


def test_the_likeliest_mistake_is_the_largest_count_off_the_diagonal():
    counts = [[5, 1, 2], [0, 9, 0], [4, 4, 0]]
    assert [row.taken_for for row in per_class_rows(counts, "abc")] == ["c", None, "a"]


def test_classes_without_pictures_or_answers_have_empty_cells(tmp_path):
    rows = per_class_rows([[0, 0], [2, 0]], ["never, seen", "b"])
    assert (rows[0].recall, rows[0].low, rows[0].precision) == (None, None, 0.0)
    assert (rows[1].recall, rows[1].precision) == (0.0, None)
    write_per_class(tmp_path / "t.csv", rows)
    lines = list(csv.DictReader((tmp_path / "t.csv").read_text().splitlines()))
    assert (lines[0]["class"], lines[0]["recall"], lines[1]["taken_for"]) == ("never, seen", "", "never, seen")


def test_the_matrix_has_names_on_both_sides(tmp_path):
    write_confusion(tmp_path / "m.csv", [[1, 2], [3, 4]], ["a", "b"])
    assert (tmp_path / "m.csv").read_text() == "class,a,b\na,1,2\nb,3,4\n"
