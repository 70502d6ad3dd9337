import csv
import io

from covpool.reporting.tables import Cell, Column, Table, compare_csv, compare_table


def test_plain_text_is_aligned():
    table = Table(
        [Column("a", "name", numeric=False), Column("b", "n")], [[Cell("x"), Cell("1")], [Cell("long"), Cell("22")]]
    )
    assert table.to_text() == "name   n\n----  --\nx      1\nlong  22\n"


def test_markdown_escapes_what_would_break_the_table():
    table = Table([Column("a", "a|b", numeric=False)], [[Cell("<script>|*x*\n_y_")]])
    assert table.to_markdown() == "| a\\|b |\n| --- |\n| &lt;script&gt;\\|\\*x\\* \\_y\\_ |\n"


def test_a_comparison_has_a_row_for_every_row_and_ties_controls_to_their_pool(results):
    table = compare_table(results)
    names = [row[[c.key for c in table.columns].index("pool")].text for row in table.rows]
    assert names == ["avg", "gem", "covariance", "covariance (control)", "isqrt", "isqrt (control)"]


def test_a_comparison_shows_accuracy_difference_and_verdict_in_words(results):
    row = {**results["rows"][-2], "accuracy": {"mean": 0.955, "low": 0.944, "high": 0.965, "per_seed": []}}
    row["difference"] = {"to": "conv4/avg", "mean": 0.043, "low": 0.031, "high": 0.055, "verdict": "better"}
    table = compare_table({**results, "rows": [row]})
    shown = {column.key: cell.full for column, cell in zip(table.columns, table.rows[0], strict=True)}
    assert shown["accuracy"] == "95.5 [94.4, 96.5]"
    assert shown["difference"] == "+4.3 [+3.1, +5.5] better"
    assert shown["out_features"] == "4,656"


def test_columns_without_any_value_are_left_out(results):
    for row in results["rows"]:
        row |= {"cost": {}, "difference_to_control": None, "effective_rank": None}
    keys = [column.key for column in compare_table(results, leave_out=["backbone"]).columns]
    assert keys == ["pool", "accuracy", "difference", "out_features"]


def test_the_csv_holds_plain_numbers_with_intervals_in_columns_of_their_own(results):
    rows = list(csv.DictReader(io.StringIO(compare_csv(results))))
    assert len(rows) == len(results["rows"])
    for written, row in zip(rows, results["rows"], strict=True):
        assert float(written["accuracy"]) == row["accuracy"]["mean"]
        assert float(written["accuracy_low"]) == row["accuracy"]["low"]
        assert written["difference_verdict"] == (row["difference"] or {}).get("verdict", "")
        assert float(written["flops"]) == row["cost"]["flops"]


def test_no_text_of_the_csv_is_a_formula_and_no_number_changes():
    texts = ["=1+1", "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\n=1", "cat", "a=b", "-1", ""]
    table = Table([Column("a", "a")], [[Cell("", value)] for value in (*texts, -1.5, 0, None)])
    written = [row[0] if row else "" for row in csv.reader(io.StringIO(table.to_csv(), newline=""))][1:]
    assert written == [*(f"'{text}" for text in texts[:6]), *texts[6:], "-1.5", "0", ""]
    assert Table([Column("a", "a")], [[Cell("", "\r=1")]]).to_csv() == "a\n' =1\n"
