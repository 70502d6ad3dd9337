import csv
import io

from covpool.reporting.sections.kinds import section_of
from covpool.reporting.sections.parts import Chart, Facts, Found, Heading, Listing, Note
from covpool.reporting.sections.robustness import section
from reporting_cases import stood


def found(name, **options):
    return Found(name, stood(name, **options), f"{name}.json")


def value_at(result, pointer):
    value = result.data
    for key in pointer.removeprefix("/").split("/"):
        value = value[key]
    return value


def headings(shown):
    return [part.text for part in shown.parts if isinstance(part, Heading)]


def test_the_kind_is_known_and_has_a_heading_for_all_that_was_judged():
    shown = section_of("covpool-robustness", [found("first")])
    assert shown.title == "Robustness"
    assert headings(shown) == ["Error by corruption", "Error over severity", "Sequences of frames", "Attacks",
                               "Pictures of another kind", "How it was measured"]  # fmt: skip


def test_every_number_leads_to_the_value_it_shows():
    results = {name: found(name) for name in ("first", "second")}
    checked = 0
    for table in section([*results.values()]).tables:
        for cell in (cell for row in table.rows for cell in row if cell.origin):
            file, _, pointer = cell.origin.partition("#")
            value = value_at(results[file.removesuffix(".json")], pointer)
            expected = sum(value.values()) / len(value) if isinstance(value, dict) else value
            assert cell.value == expected
            checked += 1
        numbers = [c for row in table.rows for c in row if isinstance(c.value, int | float)]
        assert all(cell.origin for cell in numbers)
    assert checked > 60


def test_averages_say_which_corruptions_they_are_of():
    (table, *_) = section([found("first")]).tables
    shown = {column.title: cell.full for column, cell in zip(table.columns, table.rows[0], strict=True)}
    assert shown["mCE (15), %"] == "61.2"
    assert shown["mCE (19), %"] == "48.9"
    assert shown["relative mCE (15), %"] == "70.5"
    assert "relative mCE (19), %" not in shown
    assert shown["mFR (10), %"] == "55.5"
    assert shown["mCE against"] == "90.5 runs/other, 4 corruptions"
    text = section([found("first")]).to_markdown()
    assert "AlexNet" in text
    assert "Assemble-ResNet" in text


def test_networks_stand_side_by_side_in_their_colours():
    shown = section([found("first"), found("second", worse=0.05)])
    listing = [part for part in shown.parts if isinstance(part, Listing)][1]
    assert [(row[0].text, row[1].text) for row in listing.table.rows[:3]] == [
        ("gaussian noise", "first"), ("gaussian noise", "second"), ("fog", "first")]  # fmt: skip
    assert listing.styles[:3] == ["s1", "s2", "s1"]
    assert [cell.text for cell in listing.table.rows[0][2:]] == ["20.0", "30.0", "40.0", "50.0", "60.0", "40.0"]
    dots = next(part for part in shown.parts if isinstance(part, Chart))
    assert "fog, second: 47.0" in dots.drawing
    assert "clean pictures, first: 15.0" in dots.drawing


def test_curves_go_over_the_severities_by_family_and_of_one_network_by_corruption():
    one = [part for part in section([found("first")]).parts if isinstance(part, Chart)]
    two = [part for part in section([found("first"), found("second")]).parts if isinstance(part, Chart)]
    titles = [chart.title.partition(":")[0] for chart in one[1:-1]]
    assert titles == ["all corruptions", "noise", "blur", "weather"]
    assert [name for name, _ in one[4].legend] == ["snow", "fog"]
    assert "fog, severity 5: 62" in one[4].drawing
    assert two[4].legend == ()
    assert "second, severity 5: 64" in two[4].drawing  # the mean of snow and fog


def test_other_pictures_are_told_and_the_same_ones_are_not():
    assert "do not compare" in section([found("first"), found("second", seed=1)]).lead
    assert "do not compare" not in section([found("first"), found("second")]).lead


def test_a_judgement_without_corruptions_shows_what_there_is():
    bare = {"schema": "covpool-robustness/1", "pictures": "covpool", "errors": {}, "averages": {}, "clean_error": None,
            "attacks": {"clean": {"0": 0.5}, "pgd": {"2": 1.0}}}  # fmt: skip
    shown = section([Found("bare", bare, "bare.json")])
    assert headings(shown) == ["Attacks", "How it was measured"]
    assert [cell.text for cell in shown.tables[0].rows[0]] == ["bare", "PGD", "50.0", "100.0"]
    assert all(isinstance(part, Heading | Listing | Chart | Note | Facts) for part in shown.parts)


def test_one_severity_makes_a_table_and_no_curves():
    data = stood(corruptions=("fog",))
    data["errors"] = {"fog": {"3": 0.5}}
    shown = section([Found("first", data, "first.json")])
    assert "Error over severity" not in headings(shown)
    assert [column.title for column in shown.tables[1].columns] == ["corruption", "3", "mean"]


def test_the_csv_holds_plain_numbers():
    shown = section([found("first"), found("second")])
    averages, corruptions, *_ = shown.to_csv().split("\n\n")
    assert float(next(csv.DictReader(io.StringIO(averages)))["mce_standard_15"]) == 61.25
    rows = list(csv.DictReader(io.StringIO(corruptions)))
    assert (rows[0]["corruption"], rows[0]["network"]) == ("gaussian_noise", "first")
    assert float(rows[0]["severity2"]) == 0.2 + 0.1
