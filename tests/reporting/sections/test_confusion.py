from covpool.reporting.sections.confusion import changes, most_confused, recalls, squares


def test_squares_hold_the_share_of_the_true_class():
    rows = squares([[8, 2], [0, 0]], ["cat", "dog"])
    assert [[cell.share for cell in row] for row in rows] == [[0.8, 0.2], [0.0, 0.0]]
    assert rows[0][1].title == "cat taken for dog: 2 of 10"
    assert rows[0][0].right
    assert not rows[0][1].right


def test_the_most_confused_pairs_come_first_and_the_diagonal_never():
    pairs = most_confused([[90, 4, 6], [1, 9, 0], [0, 7, 3]], ["a", "b", "c"])
    assert [(p.true, p.predicted, p.count) for p in pairs] == [
        ("c", "b", 7),
        ("a", "c", 6),
        ("a", "b", 4),
        ("b", "a", 1),
    ]
    assert most_confused([[1, 0], [0, 1]], ["a", "b"]) == []


def test_a_class_without_images_has_no_recall():
    assert recalls([[3, 1], [0, 0]]) == [0.75, None]


def test_changes_name_what_rose_and_what_fell():
    before = [[5, 5, 0], [0, 10, 0], [0, 0, 10]]
    after = [[9, 1, 0], [2, 8, 0], [0, 0, 10]]
    gained, lost = changes(before, after, ["a", "b", "c"])
    assert [(c.name, c.before, c.after) for c in gained] == [("a", 0.5, 0.9)]
    assert [(c.name, c.before, c.after) for c in lost] == [("b", 1.0, 0.8)]
