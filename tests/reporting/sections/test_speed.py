from covpool.reporting.sections.kinds import section_of
from covpool.reporting.sections.parts import Chart, Found

FIXED = {"name": "conv4 + avg", "image_size": 32, "parameters": 95_000, "flops": 1_080_000, "repeats": 5}


def row(size, speed, precision="32-true"):
    if speed is None:
        nothing = dict.fromkeys(("images_per_second", "images_per_second_spread", "latency_ms", "peak_memory_mb"))
        return {**FIXED, "batch_size": size, "precision": precision, **nothing}
    latency = {"p50": 1000 * size / speed, "p90": 20.0, "p99": 30.0}
    numbers = {"images_per_second_spread": [speed - 1, speed + 1], "latency_ms": latency, "peak_memory_mb": 1.5}
    return {**FIXED, "batch_size": size, "precision": precision, "images_per_second": speed, **numbers}


def found(name, rows, cpu="X"):
    return Found(name, {"schema": "covpool-speed/1", "machine": {"cpu": cpu}, "rows": rows}, f"{name}.json")


def test_each_measurement_has_a_row_and_each_network_a_line():
    rows = [row(1, 100.0), row(8, 500.0), row(64, None), row(1, 90.0, "bf16-mixed")]
    shown = section_of("covpool-speed", [found("mine", rows)])
    (table,) = shown.tables
    assert [cells[4].text for cells in table.rows] == ["100", "500", "out of memory", "90.0"]
    assert table.rows[1][5].origin == "mine.json#/rows/1/latency_ms/p50"
    (chart,) = (part for part in shown.parts if isinstance(part, Chart))
    assert "conv4 + avg, 32-true, images a batch 8: 500" in chart.drawing
    assert "bf16" not in chart.drawing  # one batch size is no line
    assert "out of memory" in shown.to_markdown()


def test_different_machines_are_told():
    two = [found("here", [row(1, 100.0)]), found("there", [row(1, 900.0)], cpu="Y")]
    assert "different machines" in section_of("covpool-speed", two).lead
    assert "different machines" not in section_of("covpool-speed", two[:1]).lead
