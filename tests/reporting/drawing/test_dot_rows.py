import re

from covpool.reporting.drawing.dot_rows import Dots, dot_rows


def test_each_row_has_its_name_and_a_dot_for_every_known_value():
    drawing = dot_rows(["fog", "snow"], [Dots([40.0, None], "a", "s1"), Dots([60.0, 55.0], "b", "s2")], x_title="error")
    assert re.findall(r"<title>(.*?)</title>", drawing) == ["fog, a: 40.0", "fog, b: 60.0", "snow, b: 55.0"]
    assert drawing.count("joins") == 1  # a rule needs two ends
    assert ">fog</text>" in drawing


def test_greater_values_stand_further_right():
    drawing = dot_rows(["fog"], [Dots([40.0], "a", "s1"), Dots([60.0], "b", "s2")], x_title="error")
    left, right = (float(x) for x in re.findall(r'cx="([\d.]+)%"', drawing))
    assert 0 < left < right < 100


def test_a_number_to_compare_with_is_a_dashed_line():
    drawing = dot_rows(["fog"], [Dots([40.0], "a", "s1", 12.5)], x_title="error", line_title="clean")
    assert "<title>clean, a: 12.5</title>" in drawing
    assert 'class="reference s1"' in drawing


def test_names_are_escaped():
    assert "<b>" not in dot_rows(["<b>"], [Dots([1.0], "<b>", "s1")], x_title="<b>", line_title="<b>")
