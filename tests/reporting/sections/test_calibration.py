from covpool.reporting.sections.calibration import section
from covpool.reporting.sections.kinds import section_of
from covpool.reporting.sections.parts import Chart, Found

BIN = {"low": 0.0, "high": 1.0, "count": 4, "confidence": 0.9, "accuracy": 0.75}
SCORES = {"ece": 0.15, "adaptive_ece": 0.14, "classwise_ece": 0.1, "brier": 0.4, "nll": 0.7, "reliability": [BIN]}


def found(name):
    after = {**SCORES, "ece": 0.01}
    data = {"schema": "covpool-calibration/1", "temperature": 2.5, "judged_images": 4, "before": SCORES, "after": after}
    return Found(name, data, f"{name}.json")


def test_each_result_has_a_row_before_and_after_and_its_diagrams():
    shown = section([found("first"), found("second")])
    table = shown.tables[0]
    assert [row[1].text for row in table.rows] == ["before", "after"] * 2
    assert [row[2].text for row in table.rows] == ["15.00", "1.00"] * 2
    assert table.rows[1][2].origin == "first.json#/after/ece"
    assert "2.500" in shown.to_markdown()
    assert len([part for part in shown.parts if isinstance(part, Chart)]) == 4


def test_the_kind_is_known():
    assert section_of("covpool-calibration", [found("first")]).title == "Calibration"
