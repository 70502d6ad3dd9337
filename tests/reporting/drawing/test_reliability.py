from xml.etree import ElementTree

from covpool.reporting.drawing.reliability import reliability, reliability_file

BINS = [
    {"low": 0.0, "high": 0.5, "count": 4, "confidence": 0.4, "accuracy": 0.25},
    {"low": 0.5, "high": 1.0, "count": 0, "confidence": None, "accuracy": None},
]


def test_a_bar_stands_for_each_bin_that_holds_something():
    chart = ElementTree.fromstring(str(reliability(BINS)))
    bars = list(chart.iter("g"))
    assert len(bars) == 1
    right, gap = bars[0].findall("rect")
    assert (right.get("height"), right.get("y")) == ("25.00%", "75.00%")
    assert (gap.get("height"), gap.get("y")) == ("15.00%", "60.00%")
    assert "4 images, mean confidence 40.0 %, 25.0 % right" in bars[0].find("title").text


def test_the_file_is_an_svg_of_both():
    scores = {"ece": 0.15, "reliability": BINS}
    root = ElementTree.fromstring(reliability_file({"before": scores, "after": {**scores, "ece": 0.01}}))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    said = [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")]
    assert "before: ECE 15.00 %" in said
    assert "after: ECE 1.00 %" in said
