"""Write docs/results.md from the records in benchmarks/results: every figure there has its date, commit and machine."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tables import KINDS

from covpool.reporting import compare_table

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
PAGE = ROOT / "docs" / "results.md"
HEAD = """# Results

Measured with covpool, every table from one committed record; `python benchmarks/results_page.py` writes this page.
Accuracies carry 95 % intervals over test pictures and seeds; times are those of the machine named with the table.
What the columns mean: [reading the compare table](howto/reading-the-compare-table.md).
"""
LEFT_OUT = ("peak_memory_mb", "parameters", "flops", "train_seconds")


def page() -> str:
    """The whole page."""
    sections = [_section(json.loads(path.read_text(encoding="utf-8")), path) for path in sorted(RESULTS.glob("*.json"))]
    return "\n".join([HEAD, *sections])


def _section(record: dict[str, Any], path: Path) -> str:
    body = KINDS[record["benchmark"]](record) if "benchmark" in record else _comparison(record)
    return f"## {path.stem}\n\n{body}\n{_origin(record, path)}\n"


def _comparison(record: dict[str, Any]) -> str:
    data, settings = record["data"], record["settings"]
    facts = (
        f"{len(data['classes'])} classes, {data['train_images']:,} training and {data['val_images']:,} test pictures, "
        f"{data['image_size']} pixels, {len(settings['seeds'])} seeds, {record['mode']}, weights: {settings['weights']}"
    )
    table = compare_table(record, leave_out=LEFT_OUT).to_markdown()
    return f"{facts}.\n\n{table}\n> {record['advice']}\n"


def _origin(record: dict[str, Any], path: Path) -> str:
    machine = record["machine"]
    return (
        f"Record: [`{path.name}`](../benchmarks/results/{path.name}), {record['date'][:10]}, commit "
        f"`{record['commit']}`, {machine['cpu']}, {machine['cores']} cores, torch {machine['torch']}."
    )


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
