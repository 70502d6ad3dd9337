from markupsafe import Markup

from covpool.reporting.sections.parts import Chart, Facts, Found, Heading, Listing, Note, Section, cell
from covpool.reporting.tables import Cell, Column, Table

TABLE = Table([Column("a", "a")], [[Cell("1", 1.0)], [Cell("2", 2.0)]])


def test_a_section_is_written_as_markdown_and_csv():
    parts = [Heading("one"), Note("a | b"), Listing(TABLE), Chart("drawn", Markup("<svg/>")), Facts([("k", "v")])]
    section = Section("Title <b>", parts, lead="lead")
    assert section.to_markdown() == (
        "## Title &lt;b&gt;\n\nlead\n\n### one\n\na \\| b\n\n| a |\n| ---: |\n| 1 |\n| 2 |\n\n- k: v\n"
    )
    assert section.to_csv() == "a\n1.0\n2.0\n"


def test_a_cell_knows_the_file_and_the_pointer_of_its_number():
    found = Found("x", {"rows": [{"a/b": 0.5}], "none": None}, "runs/x.json")
    made = cell("50", found, "rows", 0, "a/b", detail="[4, 6]")
    assert (made.value, made.origin, made.detail) == (0.5, "runs/x.json#/rows/0/a~1b", "[4, 6]")
    assert cell("", found, "none", "deeper").value is None
    assert cell("50", Found("x", {"a": 1}), "a").origin == ""


def test_rows_without_a_style_have_no_mark():
    assert [style for style, _, _ in Listing(TABLE, ["s3"]).rows] == ["s3", ""]
