"""Keep the results of a comparison as a committed record: python benchmarks/keep.py NAME runs/demo/results.json

Everything stays but the pictures of misclassified samples, which are large and may not be ours to publish.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"


def slim(results: dict[str, Any]) -> dict[str, Any]:
    """The results without pictures and names of files."""
    return {**results, "rows": [{**row, "mistakes": []} for row in results["rows"]]}


def main(name: str, source: str) -> None:
    """Write results/NAME.json."""
    results = slim(json.loads(Path(source).read_text(encoding="utf-8")))
    target = RESULTS / f"{name}.json"
    target.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(target)


if __name__ == "__main__":
    main(*sys.argv[1:])
