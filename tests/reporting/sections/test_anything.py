from covpool.reporting.sections.anything import section
from covpool.reporting.sections.parts import Found


def test_every_number_of_a_result_of_an_unknown_kind_is_a_row():
    data = {"schema": "covpool-new-thing/1", "a": 1, "b": {"c": 0.25, "name": "x"}, "d": [1.5, 2.5],
            "matrix": list(range(99)), "flag": True, "about": {"seed": 3}, "e": None}  # fmt: skip
    found = section([Found("one", data, "one.json"), Found("two", {**data, "a": 2}, "two.json")])
    assert found.title == "New thing"
    (table,) = found.tables
    shown = {row[0].text: (row[1].text, row[2].text) for row in table.rows}
    assert shown == {
        "a": ("1", "2"),
        "b \N{MIDDLE DOT} c": ("0.250", "0.250"),
        "d \N{MIDDLE DOT} 0": ("1.50", "1.50"),
        "d \N{MIDDLE DOT} 1": ("2.50", "2.50"),
    }
    assert table.rows[1][1].origin == "one.json#/b/c"


def test_of_very_many_numbers_the_first_are_shown():
    found = section([Found("one", {"schema": "covpool-x/1", **{f"k{n}": n for n in range(500)}})])
    assert len(found.tables[0].rows) == 200
    assert "300 more numbers" in found.to_markdown()
