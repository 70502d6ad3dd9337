from covpool.reporting.sections.kinds import section_of
from covpool.reporting.sections.parts import Facts, Found
from reporting_cases import explained


def test_an_explanation_says_what_each_score_is_made_of():
    shown = section_of("covpool-explanation", [Found("exp", explained("heron"), "exp.json")])
    (table,) = shown.tables
    texts = [cell.text for cell in table.rows[0]]
    assert texts == ["heron" * 9, "heron", "heron", "90.0", "+1.25", "+0.250", "+1.00", "exact up to 1e-09"]
    assert len(table.rows) == 2
    assert table.rows[1][4].origin == "exp.json#/pictures/0/views/1/score"
    assert shown.to_csv().splitlines()[1].startswith("heronheron")


def test_a_data_check_says_what_was_found_and_lists_its_splits():
    none = {"pairs": 0, "pictures": 0, "across_classes": 0, "equal_pixels": 0, "listed": [], "shown": []}
    split = {"pictures": 7, "counts": [5, 2, 0], "broken": [{"key": "x"}], "bytes": 2_500_000, "remarks": {}}
    data = {"source": "photos", "classes": ["a", "b", "c"], "splits": {"train": split}, "leaks": none,
            "duplicates": none}  # fmt: skip
    shown = section_of("covpool-data-check", [Found("check", data, "check.json")])
    assert shown.title == "Check of photos"
    (facts,) = (part for part in shown.parts if isinstance(part, Facts))
    assert any("cannot be read" in said for _, said in facts.entries)
    (table,) = shown.tables
    assert [cell.text for cell in table.rows[0]] == ["train", "7", "2", "2", "5", "1", "2.5"]
    assert table.rows[0][1].origin == "check.json#/splits/train/pictures"
